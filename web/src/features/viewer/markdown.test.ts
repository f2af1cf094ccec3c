/** Tests of what Markdown becomes in the page. */
import { describe, expect, it } from "vitest";
import { renderMarkdown } from "./markdown";
import { pathOfAddress } from "./pictures";

const render = (text: string) =>
  renderMarkdown(text, (source) => (source === "a.png" ? "/files/a.png" : null));

describe("markdown", () => {
  it("is shown with links that open beside the page", () => {
    expect(render("# A\n[b](https://c.example/)")).toBe(
      '<h1>A</h1>\n<p><a href="https://c.example/" rel="noopener noreferrer" target="_blank">b</a></p>\n',
    );
  });

  it("brings no HTML and no script of its own", () => {
    for (const hostile of [
      "<script>alert(1)</script>",
      "<img src=x onerror=alert(1)>",
      "[a](javascript:alert(1))",
      "[a](JaVaScRiPt:alert(1))",
      "[a](data:text/html,<script>alert(1)</script>)",
      "![a](javascript:alert(1))",
      '[a](https://x.example/"onmouseover="alert(1))',
      '```"><script>alert(1)</script>\nx\n```',
    ]) {
      const html = render(hostile);
      expect(html, hostile).not.toMatch(/<(script|img|iframe|svg)|href="(javascript|data):|<[^>]*\son\w+=/i);
    }
  });

  it("shows pictures of the repl, and of nowhere else", () => {
    expect(render("![x](a.png)")).toContain('<img src="/files/a.png" alt="x">');
    expect(render("![x <b>](https://c.example/a.png)")).toBe("<p>x &lt;b&gt;</p>\n");
  });
});

it("addresses lead to paths of the repl", () => {
  const from = (address: string) => pathOfAddress("docs/a.md", address);
  expect(from("b.png")).toBe("docs/b.png");
  expect(from("../img/b%20c.png?x#y")).toBe("img/b c.png");
  expect(from("/top.png")).toBe("top.png");
  for (const none of ["", "https://x/y", "//x/y", "../../x", "data:,", "%zz", "..", "#a"]) {
    expect(from(none), none).toBe(null);
  }
});
