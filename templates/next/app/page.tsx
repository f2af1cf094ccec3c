import { Counter } from "./counter";

// Runs on the server; what needs the browser says "use client", as counter.tsx does.
export default function Home() {
  return (
    <main>
      <h1>Hello from Next.js</h1>
      <Counter />
      <p>
        Change <code>app/page.tsx</code> and see it here at once.
      </p>
      <p>
        <a href="/api/hello?name=Ada">What the API answers</a>
      </p>
    </main>
  );
}
