import { createServer } from "node:http";

const port = 3000;

const server = createServer((request, response) => {
  console.log(request.method, request.url);
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(`<!doctype html><title>Node.js</title><h1>Hello from Node.js</h1><p>You asked for ${request.url.replace(/[<&]/g, "")}</p>`);
});

server.listen(port, () => console.log(`Listening on http://localhost:${port}`));
