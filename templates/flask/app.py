from flask import Flask, render_template, request

app = Flask(__name__)


@app.get("/")
def home():
    return render_template("index.html", name=request.args.get("name", ""))


@app.get("/api/hello/<name>")
def hello(name):
    return {"greeting": f"Hello, {name}!"}
