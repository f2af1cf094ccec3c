/**
 * Languages of the editor: by the file's name, else by the interpreter that its first line names. Each is loaded
 * when the first such file is opened.
 */

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

interface Language {
  info: LanguageInfo;
  /** What follows the last dot. */
  extensions?: string[];
  /** Whole names, in small letters. */
  files?: string[];
  /** Programs behind `#!`, without a version. */
  runs?: string[];
}

const LANGUAGES: Language[] = [
  { info: js("JavaScript", { jsx: true }), extensions: ["js", "jsx", "mjs", "cjs"], runs: ["node", "bun"] },
  {
    info: js("TypeScript", { typescript: true }),
    extensions: ["ts", "mts", "cts"],
    runs: ["deno", "ts-node", "tsx"],
  },
  { info: js("TypeScript", { typescript: true, jsx: true }), extensions: ["tsx"] },
  {
    info: { name: "HTML", load: () => import("@codemirror/lang-html").then((m) => m.html()) },
    extensions: ["html", "htm", "svelte"],
  },
  {
    info: { name: "CSS", load: () => import("@codemirror/lang-css").then((m) => m.css()) },
    extensions: ["css"],
  },
  {
    info: { name: "SCSS", load: () => import("@codemirror/lang-sass").then((m) => m.sass()) },
    extensions: ["scss"],
  },
  {
    info: {
      name: "Sass",
      load: () => import("@codemirror/lang-sass").then((m) => m.sass({ indented: true })),
    },
    extensions: ["sass"],
  },
  {
    info: { name: "JSON", load: () => import("@codemirror/lang-json").then((m) => m.json()) },
    extensions: ["json", "jsonc", "webmanifest"],
    files: [".prettierrc", ".babelrc", ".eslintrc"],
  },
  {
    info: { name: "Markdown", load: () => import("@codemirror/lang-markdown").then((m) => m.markdown()) },
    extensions: ["md", "markdown"],
  },
  {
    info: { name: "Python", load: () => import("@codemirror/lang-python").then((m) => m.python()) },
    extensions: ["py", "pyi", "pyw"],
    files: ["sconstruct"],
    runs: ["python", "pypy", "uv"],
  },
  {
    info: { name: "Rust", load: () => import("@codemirror/lang-rust").then((m) => m.rust()) },
    extensions: ["rs"],
  },
  { info: { name: "Go", load: () => import("@codemirror/lang-go").then((m) => m.go()) }, extensions: ["go"] },
  {
    info: { name: "Java", load: () => import("@codemirror/lang-java").then((m) => m.java()) },
    extensions: ["java"],
  },
  {
    info: { name: "C++", load: () => import("@codemirror/lang-cpp").then((m) => m.cpp()) },
    extensions: ["cpp", "cc", "cxx", "hpp", "hh"],
  },
  {
    info: { name: "C", load: () => import("@codemirror/lang-cpp").then((m) => m.cpp()) },
    extensions: ["c", "h"],
  },
  {
    info: { name: "PHP", load: () => import("@codemirror/lang-php").then((m) => m.php()) },
    extensions: ["php"],
    runs: ["php"],
  },
  {
    info: { name: "SQL", load: () => import("@codemirror/lang-sql").then((m) => m.sql()) },
    extensions: ["sql"],
  },
  {
    info: { name: "Vue", load: () => import("@codemirror/lang-vue").then((m) => m.vue()) },
    extensions: ["vue"],
  },
  {
    info: { name: "XML", load: () => import("@codemirror/lang-xml").then((m) => m.xml()) },
    extensions: ["xml", "svg", "xsl"],
  },
  {
    info: { name: "YAML", load: () => import("@codemirror/lang-yaml").then((m) => m.yaml()) },
    extensions: ["yaml", "yml"],
  },
  {
    info: {
      name: "TOML",
      load: () => legacy(import("@codemirror/legacy-modes/mode/toml").then((m) => m.toml)),
    },
    extensions: ["toml"],
    files: ["cargo.lock", "poetry.lock", "uv.lock", "pipfile"],
  },
  {
    info: {
      name: "Shell",
      load: () => legacy(import("@codemirror/legacy-modes/mode/shell").then((m) => m.shell)),
    },
    extensions: ["sh", "bash", "zsh", "ksh"],
    files: [
      ".bashrc",
      ".bash_profile",
      ".bash_aliases",
      ".profile",
      ".zshrc",
      ".zshenv",
      ".zprofile",
      ".envrc",
      "pkgbuild",
    ],
    runs: ["sh", "bash", "zsh", "dash", "ksh", "ash"],
  },
  {
    info: {
      name: "Ruby",
      load: () => legacy(import("@codemirror/legacy-modes/mode/ruby").then((m) => m.ruby)),
    },
    extensions: ["rb", "rake", "gemspec"],
    files: ["gemfile", "rakefile", "vagrantfile", "guardfile", "brewfile"],
    runs: ["ruby", "rake"],
  },
  {
    info: { name: "Lua", load: () => legacy(import("@codemirror/legacy-modes/mode/lua").then((m) => m.lua)) },
    extensions: ["lua"],
    runs: ["lua", "luajit"],
  },
  {
    info: {
      name: "Dockerfile",
      load: () => legacy(import("@codemirror/legacy-modes/mode/dockerfile").then((m) => m.dockerFile)),
    },
    extensions: ["dockerfile"],
    files: ["dockerfile", "containerfile"],
  },
  {
    info: {
      name: "Properties",
      load: () => legacy(import("@codemirror/legacy-modes/mode/properties").then((m) => m.properties)),
    },
    extensions: ["ini", "properties", "env", "conf"],
    files: [".env", ".editorconfig", ".gitconfig", ".npmrc"],
  },
  {
    info: {
      name: "C#",
      load: () => legacy(import("@codemirror/legacy-modes/mode/clike").then((m) => m.csharp)),
    },
    extensions: ["cs"],
  },
  {
    info: {
      name: "Kotlin",
      load: () => legacy(import("@codemirror/legacy-modes/mode/clike").then((m) => m.kotlin)),
    },
    extensions: ["kt", "kts"],
  },
  {
    info: {
      name: "Swift",
      load: () => legacy(import("@codemirror/legacy-modes/mode/swift").then((m) => m.swift)),
    },
    extensions: ["swift"],
    runs: ["swift"],
  },
  {
    info: { name: "Makefile", load: () => legacy(import("./makefile").then((m) => m.makefile)) },
    extensions: ["mk", "mak"],
    files: ["makefile", "gnumakefile"],
    runs: ["make"],
  },
  {
    info: {
      name: "Perl",
      load: () => legacy(import("@codemirror/legacy-modes/mode/perl").then((m) => m.perl)),
    },
    extensions: ["pl", "pm"],
    runs: ["perl"],
  },
  {
    info: {
      name: "R",
      load: () => legacy(import("@codemirror/legacy-modes/mode/r").then((m) => m.r)),
    },
    extensions: ["r"],
    files: [".rprofile"],
    runs: ["rscript"],
  },
  {
    info: {
      name: "Julia",
      load: () => legacy(import("@codemirror/legacy-modes/mode/julia").then((m) => m.julia)),
    },
    extensions: ["jl"],
    runs: ["julia"],
  },
  {
    info: {
      name: "Haskell",
      load: () => legacy(import("@codemirror/legacy-modes/mode/haskell").then((m) => m.haskell)),
    },
    extensions: ["hs"],
    runs: ["runhaskell", "runghc"],
  },
  {
    info: {
      name: "Clojure",
      load: () => legacy(import("@codemirror/legacy-modes/mode/clojure").then((m) => m.clojure)),
    },
    extensions: ["clj", "cljs", "edn"],
    runs: ["bb", "clojure"],
  },
  {
    info: {
      name: "Erlang",
      load: () => legacy(import("@codemirror/legacy-modes/mode/erlang").then((m) => m.erlang)),
    },
    extensions: ["erl"],
    runs: ["escript"],
  },
  {
    info: {
      name: "Tcl",
      load: () => legacy(import("@codemirror/legacy-modes/mode/tcl").then((m) => m.tcl)),
    },
    extensions: ["tcl"],
    runs: ["tclsh", "wish"],
  },
  {
    info: {
      name: "Groovy",
      load: () => legacy(import("@codemirror/legacy-modes/mode/groovy").then((m) => m.groovy)),
    },
    extensions: ["groovy", "gradle"],
    files: ["jenkinsfile"],
    runs: ["groovy"],
  },
  {
    info: {
      name: "Scala",
      load: () => legacy(import("@codemirror/legacy-modes/mode/clike").then((m) => m.scala)),
    },
    extensions: ["scala", "sc"],
    runs: ["scala"],
  },
  {
    info: {
      name: "Dart",
      load: () => legacy(import("@codemirror/legacy-modes/mode/clike").then((m) => m.dart)),
    },
    extensions: ["dart"],
    runs: ["dart"],
  },
  {
    info: {
      name: "PowerShell",
      load: () => legacy(import("@codemirror/legacy-modes/mode/powershell").then((m) => m.powerShell)),
    },
    extensions: ["ps1", "psm1"],
    runs: ["pwsh"],
  },
  {
    info: {
      name: "CMake",
      load: () => legacy(import("@codemirror/legacy-modes/mode/cmake").then((m) => m.cmake)),
    },
    extensions: ["cmake"],
    files: ["cmakelists.txt"],
  },
  {
    info: {
      name: "Diff",
      load: () => legacy(import("@codemirror/legacy-modes/mode/diff").then((m) => m.diff)),
    },
    extensions: ["diff", "patch"],
  },
];

const by = (words: (language: Language) => string[] | undefined) =>
  new Map(
    LANGUAGES.flatMap((language) => (words(language) ?? []).map((word) => [word, language.info] as const)),
  );
const BY_FILE = by(({ files }) => files);
const BY_EXTENSION = by(({ extensions }) => extensions);
const BY_PROGRAM = by(({ runs }) => runs);

/** `Dockerfile.dev`, `.env.local`: what comes before the dot is the name. */
const WITH_SUFFIX = /^(dockerfile|containerfile|makefile|\.env)\./;

function programOf(firstLine: string): string {
  const [program = "", ...rest] = (/^#!\s*(.*)/.exec(firstLine)?.[1] ?? "").split(/\s+/).map(nameOf);
  // `env -S NAME=value program`
  const run = program === "env" ? (rest.find((word) => !/^-|=/.test(word)) ?? "") : program;
  return run.toLowerCase().replace(/[\d.]+$/, "");
}

/** By the whole name (`Dockerfile`), else by what follows the last dot, else by the first line (`#!/bin/sh`). */
export function languageOf(path: string, firstLine = ""): LanguageInfo | null {
  const name = nameOf(path).toLowerCase();
  return (
    BY_FILE.get(WITH_SUFFIX.exec(name)?.[1] ?? name) ??
    BY_EXTENSION.get(/\.([^.]+)$/.exec(name)?.[1] ?? "") ??
    BY_PROGRAM.get(programOf(firstLine)) ??
    null
  );
}
