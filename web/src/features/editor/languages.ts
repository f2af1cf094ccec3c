/** Languages of the editor: by the file's name, loaded when the first such file is opened. */

import type { StreamParser } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { nameOf } from "../../session/paths";

interface LanguageInfo {
  name: string;
  load: () => Promise<Extension>;
}

async function legacy(mode: Promise<StreamParser<unknown>>): Promise<Extension> {
  const [{ StreamLanguage }, parser] = await Promise.all([import("@codemirror/language"), mode]);
  return StreamLanguage.define(parser);
}

const js = (name: string, options: { typescript?: boolean; jsx?: boolean }): LanguageInfo => ({
  name,
  load: () => import("@codemirror/lang-javascript").then((m) => m.javascript(options)),
});

const LANGUAGES: { info: LanguageInfo; names: string[] }[] = [
  { info: js("JavaScript", { jsx: true }), names: ["js", "jsx", "mjs", "cjs"] },
  { info: js("TypeScript", { typescript: true }), names: ["ts", "mts", "cts"] },
  { info: js("TypeScript", { typescript: true, jsx: true }), names: ["tsx"] },
  {
    info: { name: "HTML", load: () => import("@codemirror/lang-html").then((m) => m.html()) },
    names: ["html", "htm", "svelte"],
  },
  { info: { name: "CSS", load: () => import("@codemirror/lang-css").then((m) => m.css()) }, names: ["css"] },
  {
    info: { name: "SCSS", load: () => import("@codemirror/lang-sass").then((m) => m.sass()) },
    names: ["scss"],
  },
  {
    info: {
      name: "Sass",
      load: () => import("@codemirror/lang-sass").then((m) => m.sass({ indented: true })),
    },
    names: ["sass"],
  },
  {
    info: { name: "JSON", load: () => import("@codemirror/lang-json").then((m) => m.json()) },
    names: ["json", "jsonc", "webmanifest"],
  },
  {
    info: { name: "Markdown", load: () => import("@codemirror/lang-markdown").then((m) => m.markdown()) },
    names: ["md", "markdown"],
  },
  {
    info: { name: "Python", load: () => import("@codemirror/lang-python").then((m) => m.python()) },
    names: ["py", "pyi", "pyw"],
  },
  {
    info: { name: "Rust", load: () => import("@codemirror/lang-rust").then((m) => m.rust()) },
    names: ["rs"],
  },
  { info: { name: "Go", load: () => import("@codemirror/lang-go").then((m) => m.go()) }, names: ["go"] },
  {
    info: { name: "Java", load: () => import("@codemirror/lang-java").then((m) => m.java()) },
    names: ["java"],
  },
  {
    info: { name: "C++", load: () => import("@codemirror/lang-cpp").then((m) => m.cpp()) },
    names: ["cpp", "cc", "cxx", "hpp", "hh"],
  },
  { info: { name: "C", load: () => import("@codemirror/lang-cpp").then((m) => m.cpp()) }, names: ["c", "h"] },
  { info: { name: "PHP", load: () => import("@codemirror/lang-php").then((m) => m.php()) }, names: ["php"] },
  { info: { name: "SQL", load: () => import("@codemirror/lang-sql").then((m) => m.sql()) }, names: ["sql"] },
  { info: { name: "Vue", load: () => import("@codemirror/lang-vue").then((m) => m.vue()) }, names: ["vue"] },
  {
    info: { name: "XML", load: () => import("@codemirror/lang-xml").then((m) => m.xml()) },
    names: ["xml", "svg", "xsl"],
  },
  {
    info: { name: "YAML", load: () => import("@codemirror/lang-yaml").then((m) => m.yaml()) },
    names: ["yaml", "yml"],
  },
  {
    info: {
      name: "TOML",
      load: () => legacy(import("@codemirror/legacy-modes/mode/toml").then((m) => m.toml)),
    },
    names: ["toml"],
  },
  {
    info: {
      name: "Shell",
      load: () => legacy(import("@codemirror/legacy-modes/mode/shell").then((m) => m.shell)),
    },
    names: ["sh", "bash", "zsh", ".bashrc", ".profile"],
  },
  {
    info: {
      name: "Ruby",
      load: () => legacy(import("@codemirror/legacy-modes/mode/ruby").then((m) => m.ruby)),
    },
    names: ["rb", "gemfile", "rakefile"],
  },
  {
    info: { name: "Lua", load: () => legacy(import("@codemirror/legacy-modes/mode/lua").then((m) => m.lua)) },
    names: ["lua"],
  },
  {
    info: {
      name: "Dockerfile",
      load: () => legacy(import("@codemirror/legacy-modes/mode/dockerfile").then((m) => m.dockerFile)),
    },
    names: ["dockerfile"],
  },
  {
    info: {
      name: "Properties",
      load: () => legacy(import("@codemirror/legacy-modes/mode/properties").then((m) => m.properties)),
    },
    names: ["ini", "properties", "env", ".env", "conf"],
  },
  {
    info: {
      name: "C#",
      load: () => legacy(import("@codemirror/legacy-modes/mode/clike").then((m) => m.csharp)),
    },
    names: ["cs"],
  },
  {
    info: {
      name: "Kotlin",
      load: () => legacy(import("@codemirror/legacy-modes/mode/clike").then((m) => m.kotlin)),
    },
    names: ["kt", "kts"],
  },
  {
    info: {
      name: "Swift",
      load: () => legacy(import("@codemirror/legacy-modes/mode/swift").then((m) => m.swift)),
    },
    names: ["swift"],
  },
];

const BY_NAME = new Map(LANGUAGES.flatMap(({ info, names }) => names.map((name) => [name, info] as const)));

/** By the whole name (`Dockerfile`), else by what follows the last dot. */
export function languageOf(path: string): LanguageInfo | null {
  const name = nameOf(path).toLowerCase();
  return BY_NAME.get(name) ?? BY_NAME.get(name.slice(name.lastIndexOf(".") + 1)) ?? null;
}

export function languageName(path: string): string {
  return languageOf(path)?.name ?? "Plain text";
}
