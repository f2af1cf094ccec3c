/** What a project without a run command could run, by the files at its top. Pure. */

/** The scripts of `package.json` that people start their program with, the likeliest first. */
const SCRIPTS = ["dev", "start", "serve", "preview"];

/** A file at the top, and what runs such a project. */
const BY_FILE: readonly [file: string, command: string][] = [
  ["manage.py", "python3 manage.py runserver 8000"],
  ["Cargo.toml", "cargo run"],
  ["go.mod", "go run ."],
  ["pom.xml", "mvn -q compile exec:java"],
  ["main.py", "python3 main.py"],
  ["app.py", "python3 app.py"],
  ["index.js", "node index.js"],
  ["server.js", "node server.js"],
  ["main.sh", "bash main.sh"],
  ["Makefile", "make"],
  ["index.html", "python3 -m http.server 3000 --bind 127.0.0.1"],
];

/** Most commands that are offered. */
const MOST = 4;

/** The commands, the likeliest first. `packageJson` is that file's text, if there is one. */
export function suggestions(files: readonly string[], packageJson: string | null): string[] {
  const scripts = scriptsOf(packageJson);
  const install = files.includes("node_modules") ? "" : "npm install && ";
  const npm = SCRIPTS.filter((script) => scripts.includes(script)).map((script) =>
    script === "start" ? `${install}npm start` : `${install}npm run ${script}`,
  );
  const others = BY_FILE.filter(([file]) => files.includes(file)).map(([, command]) => command);
  return [...npm, ...others].slice(0, MOST);
}

function scriptsOf(packageJson: string | null): string[] {
  if (packageJson === null) return [];
  try {
    const content: unknown = JSON.parse(packageJson);
    if (typeof content !== "object" || content === null || !("scripts" in content)) return [];
    const { scripts } = content;
    return typeof scripts === "object" && scripts !== null ? Object.keys(scripts) : [];
  } catch {
    // Half-written, or not JSON: nothing is known of it.
    return [];
  }
}
