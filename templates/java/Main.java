import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

public class Main {
    static final int PORT = 8080;

    static final String PAGE = """
            <!doctype html>
            <html lang="en">
              <head>
                <meta charset="utf-8">
                <title>Java</title>
                <style>
                  :root { color-scheme: light dark; font-family: system-ui, sans-serif; }
                  main { max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
                </style>
              </head>
              <body>
                <main>
                  <h1>Hello from Java</h1>
                  <p>You asked for %s.</p>
                  <p>Change <code>Main.java</code>, then stop it and run it again.</p>
                </main>
              </body>
            </html>
            """;

    public static void main(String[] args) throws IOException {
        var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), PORT);
        HttpServer server = HttpServer.create(address, 0);
        server.createContext("/", Main::home);
        server.start();
        System.out.println("Listening on http://localhost:" + PORT);
    }

    static void home(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        byte[] page = PAGE.formatted(escape(path)).getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
        exchange.sendResponseHeaders(200, page.length);
        try (var body = exchange.getResponseBody()) {
            body.write(page);
        }
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;");
    }
}
