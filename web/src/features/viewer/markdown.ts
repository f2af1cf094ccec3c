/** Markdown as HTML that is safe in the page: no HTML of the text's own, no scripts in addresses. */
import MarkdownIt from "markdown-it";

/** Where a picture of the repl is found; null for one that is left out. */
export type PictureAddress = (source: string) => string | null;

/** Longest text that is turned into HTML, in UTF-16 units. */
export const MOST_UNITS = 1_000_000;

export function renderMarkdown(text: string, picture: PictureAddress): string {
  const markdown = new MarkdownIt({ html: false, linkify: true });
  const { renderer } = markdown;
  renderer.rules.link_open = (tokens, index, options, _env, self) => {
    const token = tokens[index];
    token?.attrSet("rel", "noopener noreferrer");
    token?.attrSet("target", "_blank");
    return self.renderToken(tokens, index, options);
  };
  const plain = renderer.rules.image;
  renderer.rules.image = (tokens, index, options, env, self) => {
    const token = tokens[index];
    const address = picture(String(token?.attrGet("src") ?? ""));
    // The page loads pictures of the repl only: its policy has no room for others.
    if (address === null || !token || !plain) return markdown.utils.escapeHtml(token?.content ?? "");
    token.attrSet("src", address);
    return plain(tokens, index, options, env, self);
  };
  return markdown.render(text.slice(0, MOST_UNITS));
}
