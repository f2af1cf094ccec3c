/** Frames of the session, as `crates/protocol` defines them: binary ones, and the reading of text ones. */
import type { RunnerFrame } from "../api/protocol.gen";

export const TERMINAL = { OUTPUT: 0, SCREEN: 1, INPUT: 2, INPUT_ACK: 3, OUTPUT_ACK: 4 } as const;
export const DOCUMENT = { STATE_VECTOR: 0, UPDATE: 1, AWARENESS: 2, ON_DISK: 3 } as const;

/** Appends an unsigned LEB128 number. Byte counts stay far below 2^53, so a `number` holds them. */
export function putVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
}

/** Takes an unsigned LEB128 number off the front; `null` when it is cut short or beyond 2^53. */
export function takeVarint(bytes: Uint8Array): { value: number; rest: Uint8Array } | null {
  let value = 0;
  let factor = 1;
  for (let i = 0; i < Math.min(bytes.length, 8); i++) {
    const byte = bytes[i] ?? 0;
    value += (byte & 0x7f) * factor;
    factor *= 0x80;
    if (byte < 0x80) return Number.isSafeInteger(value) ? { value, rest: bytes.subarray(i + 1) } : null;
  }
  return null;
}

/** A frame of `kind` on `channel`; `number`, where the kind has one, comes before the bytes. */
export function frame(
  channel: number,
  kind: number,
  number: number | null,
  bytes?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const head: number[] = [];
  putVarint(head, channel);
  head.push(kind);
  if (number !== null) putVarint(head, number);
  const out = new Uint8Array(head.length + (bytes?.length ?? 0));
  out.set(head);
  if (bytes) out.set(bytes, head.length);
  return out;
}

/** Splits a frame; `null` when it is malformed. */
export function parse(bytes: Uint8Array): { channel: number; kind: number; payload: Uint8Array } | null {
  const channel = takeVarint(bytes);
  const kind = channel?.rest[0];
  if (!channel || kind === undefined) return null;
  return { channel: channel.value, kind, payload: channel.rest.subarray(1) };
}

/** A text frame; `null` when it is not one. */
export function readFrame(text: string): RunnerFrame | null {
  try {
    const frame: unknown = JSON.parse(text);
    const isFrame = typeof frame === "object" && frame !== null && "type" in frame;
    return isFrame ? (frame as RunnerFrame) : null;
  } catch {
    return null;
  }
}
