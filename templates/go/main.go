package main

import (
	"html/template"
	"log"
	"net/http"
)

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Go</title>
    <style>
      :root { color-scheme: light dark; font-family: system-ui, sans-serif; }
      main { max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
    </style>
  </head>
  <body>
    <main>
      <h1>Hello, {{.}}, from Go</h1>
      <p>Change <code>main.go</code>, then stop it and run it again.</p>
      <p><a href="/hello/Ada">Say hello to Ada</a></p>
    </main>
  </body>
</html>
`))

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		greet(w, "you")
	})
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		greet(w, r.PathValue("name"))
	})

	const address = "localhost:8080"
	log.Printf("Listening on http://%s", address)
	log.Fatal(http.ListenAndServe(address, mux))
}

func greet(w http.ResponseWriter, name string) {
	if err := page.Execute(w, name); err != nil {
		log.Print(err)
	}
}
