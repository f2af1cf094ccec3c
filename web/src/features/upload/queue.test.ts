/** Tests of the upload queue. */
import { expect, it } from "vitest";
import { type Send, type Sent, type Upload, UploadQueue } from "./queue";

interface Sending {
  upload: Upload;
  overwrite: boolean;
  progress: (bytes: number, waits?: boolean) => void;
  stop: AbortSignal;
  end: (sent: Sent) => Promise<void>;
}

function setUp(names: string[]) {
  const sending: Sending[] = [];
  const send: Send = (upload, overwrite, progress, stop) =>
    new Promise((done, failed) => {
      stop.addEventListener("abort", () => failed(new Error("aborted")));
      const end = async (sent: Sent) => {
        done(sent);
        await settle();
      };
      sending.push({ upload, overwrite, progress, stop, end });
    });
  const queue = new UploadQueue(send);
  queue.add(names.map((path) => ({ path, file: new Blob(["0123456789"]) })));
  return { queue, sending };
}

const settle = () => new Promise<void>((done) => setImmediate(done));

it("a few go at once, and all are counted", async () => {
  const { queue, sending } = setUp(["a", "b", "c", "d", "e", "f"]);
  expect(sending).toHaveLength(4);
  sending[0]?.progress(4);
  expect(queue.progress.get()).toMatchObject({ files: 6, bytes: 60, sentBytes: 4, doneFiles: 0 });
  await sending[0]?.end({ done: true });
  expect(sending).toHaveLength(5);
  expect(queue.progress.get()).toMatchObject({ sentBytes: 10, doneFiles: 1, state: "sending" });
  for (let at = 1; at < 6; at++) await sending[at]?.end({ done: true });
  expect(queue.progress.get()).toMatchObject({ sentBytes: 60, doneFiles: 6, state: "done" });
  queue.dismiss();
  expect(queue.progress.get()).toBe(null);
});

it("what is there already is asked about once, when the others are done", async () => {
  const { queue, sending } = setUp(["a", "b"]);
  await sending[0]?.end({ exists: true });
  expect(queue.progress.get()?.state).toBe("sending");
  await sending[1]?.end({ done: true });
  expect(queue.progress.get()).toMatchObject({ state: "asking", existing: [{ path: "a" }], sentBytes: 10 });
  queue.overwrite(true);
  expect(sending[2]).toMatchObject({ upload: { path: "a" }, overwrite: true });
  await sending[2]?.end({ done: true });
  expect(queue.progress.get()).toMatchObject({ state: "done", doneFiles: 2, existing: [] });
});

it("what is to be kept is counted no more", async () => {
  const { queue, sending } = setUp(["a"]);
  await sending[0]?.end({ exists: true });
  queue.overwrite(false);
  expect(queue.progress.get()).toMatchObject({ state: "done", files: 0, bytes: 0 });
});

it("what fails is told by its name, and the others go on", async () => {
  const { queue, sending } = setUp(["a", "b"]);
  await sending[0]?.end({ error: "The disk is full." });
  await sending[1]?.end({ done: true });
  const failed = [{ path: "a", message: "The disk is full." }];
  expect(queue.progress.get()).toMatchObject({ state: "done", failed, doneFiles: 1 });
});

it("cancelling ends those under way, and begins no others", async () => {
  const { queue, sending } = setUp(["a", "b", "c", "d", "e"]);
  queue.cancel();
  await settle();
  expect(sending).toHaveLength(4);
  expect(sending.every((s) => s.stop.aborted)).toBe(true);
  expect(queue.progress.get()).toMatchObject({ state: "cancelled", failed: [] });
  queue.add([{ path: "f", file: new Blob(["x"]) }]);
  expect(queue.progress.get()).toMatchObject({ files: 1, state: "sending" });
  expect(sending).toHaveLength(5);
});

it("those that wait for the connection are counted, until they go on or are cancelled", async () => {
  const { queue, sending } = setUp(["a", "b"]);
  sending[0]?.progress(4, true);
  sending[0]?.progress(4, true);
  sending[1]?.progress(0, true);
  expect(queue.progress.get()).toMatchObject({ stalled: 2, sentBytes: 4 });
  sending[0]?.progress(5, false);
  expect(queue.progress.get()).toMatchObject({ stalled: 1, sentBytes: 5 });
  await sending[0]?.end({ done: true });
  queue.cancel();
  expect(queue.progress.get()).toMatchObject({ stalled: 0, state: "cancelled" });
});
