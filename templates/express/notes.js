// Keeps the notes in a database: the file notes.db, made at the first start.
import Database from "libsql";

const db = new Database("notes.db");

db.exec(`
  CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL
  )
`);

const select = db.prepare("SELECT id, text FROM notes ORDER BY id");
const insert = db.prepare("INSERT INTO notes (text) VALUES (?)");
const erase = db.prepare("DELETE FROM notes WHERE id = ?");

export function all() {
  return select.all();
}

export function add(text) {
  return { id: insert.run(text).lastInsertRowid, text };
}

/** Whether there was one. */
export function remove(id) {
  return erase.run(id).changes > 0;
}
