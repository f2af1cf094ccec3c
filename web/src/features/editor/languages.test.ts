/** Tests of which language a file is in. */
import { describe, expect, it } from "vitest";
import { languageOf } from "./languages";
import { makefile } from "./makefile";

const BY_NAME: Record<string, string> = {
  JavaScript: "a.js a.jsx a.mjs a.cjs",
  TypeScript: "a.ts a.mts a.cts a.tsx",
  HTML: "index.html a.htm a.svelte",
  CSS: "a.css",
  SCSS: "a.scss",
  Sass: "a.sass",
  JSON: "package.json a.jsonc a.webmanifest .prettierrc .babelrc .eslintrc",
  Markdown: "README.md a.markdown",
  Python: "a.py a.pyi a.pyw SConstruct",
  Rust: "src/main.rs",
  Go: "main.go",
  Java: "A.java",
  "C++": "a.cpp a.cc a.cxx a.hpp a.hh",
  C: "a.c a.h",
  PHP: "a.php",
  SQL: "a.sql",
  Vue: "App.vue",
  XML: "a.xml a.svg a.xsl",
  YAML: "a.yaml .github/workflows/ci.yml",
  TOML: "a.toml Cargo.lock poetry.lock uv.lock Pipfile",
  Shell:
    "a.sh a.bash a.zsh a.ksh .bashrc .bash_profile .bash_aliases .profile .zshrc .zshenv .zprofile .envrc PKGBUILD",
  Ruby: "a.rb a.rake a.gemspec Gemfile Rakefile Vagrantfile Guardfile Brewfile",
  Lua: "a.lua",
  Dockerfile: "Dockerfile deep/in/Dockerfile Dockerfile.dev Containerfile a.dockerfile",
  Properties: "a.ini a.properties a.env a.conf .env .env.local .editorconfig .gitconfig .npmrc",
  "C#": "a.cs",
  Kotlin: "a.kt a.kts",
  Swift: "a.swift",
  Makefile: "Makefile makefile GNUmakefile Makefile.in rules.mk a.mak",
  Perl: "a.pl A.pm",
  R: "a.R .Rprofile",
  Julia: "a.jl",
  Haskell: "a.hs",
  Clojure: "a.clj a.cljs a.edn",
  Erlang: "a.erl",
  Tcl: "a.tcl",
  Groovy: "a.groovy build.gradle Jenkinsfile",
  Scala: "a.scala a.sc",
  Dart: "a.dart",
  PowerShell: "a.ps1 a.psm1",
  CMake: "a.cmake CMakeLists.txt",
  Diff: "a.diff a.patch",
};

const BY_FIRST_LINE: Record<string, string[]> = {
  Python: [
    "#!/usr/bin/env python3",
    "#!/usr/bin/python",
    "#! /usr/bin/python3.12 -u",
    "#!/usr/bin/pypy3",
    "#!/usr/bin/env -S uv run --script",
    "#!/usr/bin/env python3\r",
  ],
  Shell: ["#!/bin/sh", "#!/bin/bash -e", "#!/usr/bin/env zsh", "#!/bin/dash", "#!/bin/ksh", "#!/bin/ash"],
  JavaScript: ["#!/usr/bin/env node", "#!/usr/bin/env -S node --test", "#!/usr/bin/env bun"],
  TypeScript: ["#!/usr/bin/env -S deno run --allow-net", "#!/usr/bin/env tsx", "#!/usr/bin/env ts-node"],
  Ruby: ["#!/usr/bin/env ruby", "#!/usr/bin/ruby2.7 -w", "#!/usr/bin/env rake"],
  Perl: ["#!/usr/bin/perl", "#!/usr/bin/env -S LANG=C perl -w"],
  Lua: ["#!/usr/bin/lua5.4", "#!/usr/bin/env luajit"],
  PHP: ["#!/usr/bin/env php"],
  R: ["#!/usr/bin/env Rscript"],
  Julia: ["#!/usr/bin/env julia"],
  Haskell: ["#!/usr/bin/env runhaskell", "#!/usr/bin/runghc"],
  Clojure: ["#!/usr/bin/env bb", "#!/usr/bin/env clojure"],
  Erlang: ["#!/usr/bin/env escript"],
  Tcl: ["#!/usr/bin/tclsh", "#!/usr/bin/wish8.6"],
  Groovy: ["#!/usr/bin/env groovy"],
  Scala: ["#!/usr/bin/env scala"],
  Dart: ["#!/usr/bin/env dart"],
  Swift: ["#!/usr/bin/swift"],
  PowerShell: ["#!/usr/bin/env pwsh"],
  Makefile: ["#!/usr/bin/make -f"],
};

describe("the language of a file", () => {
  it.each(Object.entries(BY_NAME))("is %s by its name", async (language, paths) => {
    for (const path of paths.split(" ")) expect(languageOf(path)?.name, path).toBe(language);
    // What is named can be loaded too.
    const first = languageOf(paths.split(" ")[0] ?? "");
    expect(await first?.load()).toBeTruthy();
  });
  it.each(Object.entries(BY_FIRST_LINE))("is %s by its first line", (language, lines) => {
    for (const line of lines) expect(languageOf("bin/tool", line)?.name, line).toBe(language);
  });
  it("is what the name says, whatever the first line says", () => {
    expect(languageOf("a.rb", "#!/usr/bin/env python3")?.name).toBe("Ruby");
    expect(languageOf("a.unknown", "#!/usr/bin/env python3")?.name).toBe("Python");
  });
  it("is none where nothing says so", () => {
    for (const path of ["notes", "a.txt", "py", "makefiles", ".gitignore", "a.", "Gemfile.lock"])
      expect(languageOf(path)?.name, path).toBe(undefined);
    for (const line of ["", "#!", "#!/usr/bin/env", "#!/bin/false", "# !/bin/sh", " #!/bin/sh", "python3"])
      expect(languageOf("tool", line)?.name, line).toBe(undefined);
  });
});

describe("a Makefile", () => {
  it("has its targets, variables and comments told apart, and always comes to the end of a line", async () => {
    const { StringStream } = await import("@codemirror/language");
    const tokens = (line: string) => {
      const stream = new StringStream(line, 4, 4);
      const found: string[] = [];
      while (!stream.eol()) {
        stream.start = stream.pos;
        const kind = makefile.token(stream, undefined);
        expect(stream.pos, line).toBeGreaterThan(stream.start);
        if (kind) found.push(`${kind} ${stream.current()}`);
      }
      return found;
    };
    expect(tokens("all: $(OBJ) # both")).toEqual(["tagName all", "macroName $(OBJ)", "comment # both"]);
    expect(tokens("CC ?= gcc")).toEqual(["attributeName CC"]);
    expect(tokens("X := 1")).toEqual(["attributeName X"]);
    expect(tokens("ifeq ($(CC),gcc)")).toEqual(["keyword ifeq", "macroName $(CC)"]);
    expect(tokens('\techo "a" $@ \'$')).toEqual(['string "a"', "macroName $@"]);
  });
});
