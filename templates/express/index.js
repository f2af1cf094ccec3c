import express from "express";
import * as notes from "./notes.js";

const port = 3000;
const app = express();

app.use(express.static("public"));
app.use(express.json());

app.get("/api/notes", (request, response) => {
  response.json(notes.all());
});

app.post("/api/notes", (request, response) => {
  const text = String(request.body?.text ?? "").trim();
  if (text === "") return response.status(400).json({ error: "A note needs some text." });
  response.status(201).json(notes.add(text));
});

app.delete("/api/notes/:id", (request, response) => {
  response.sendStatus(notes.remove(Number(request.params.id)) ? 204 : 404);
});

app.listen(port, () => console.log(`Listening on http://localhost:${port}`));
