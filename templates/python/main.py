from fastapi import FastAPI
from fastapi.responses import HTMLResponse

app = FastAPI()


@app.get("/", response_class=HTMLResponse)
def home() -> str:
    return "<h1>Hello from FastAPI</h1><p><a href='/docs'>What this API can do</a></p>"


@app.get("/hello/{name}")
def hello(name: str) -> dict[str, str]:
    return {"greeting": f"Hello, {name}!"}
