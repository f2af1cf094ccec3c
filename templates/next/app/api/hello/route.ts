import type { NextRequest } from "next/server";

export function GET(request: NextRequest) {
  const name = request.nextUrl.searchParams.get("name") ?? "you";
  return Response.json({ greeting: `Hello, ${name}!` });
}
