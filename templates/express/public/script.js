const form = document.querySelector("form");
const list = document.querySelector("ul");

async function send(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`);
  return response.status === 204 ? null : response.json();
}

function show(note) {
  const item = document.createElement("li");
  const done = document.createElement("button");
  done.textContent = "Done";
  done.addEventListener("click", async () => {
    await send("DELETE", `/api/notes/${note.id}`);
    item.remove();
  });
  item.append(note.text, " ", done);
  list.append(item);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  show(await send("POST", "/api/notes", { text: form.elements.text.value }));
  form.reset();
});

for (const note of await send("GET", "/api/notes")) show(note);
