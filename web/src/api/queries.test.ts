// What events tell is newer than answers that are on their way.
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { expect, it } from "vitest";
import type { Repl, ReplState } from "./protocol.gen";
import { applyState, refetchRepls } from "./queries";
import { until } from "./testing";

const inPhase = (phase: string) => ({ phase }) as unknown as ReplState;
const repl = (phase: string) => ({ id: "one", name: "one", state: inPhase(phase) }) as unknown as Repl;

/** A list that is looked at, and whose answers come when they are let. */
function list() {
  const client = new QueryClient();
  const answers: ((list: Repl[]) => void)[] = [];
  const queryFn = () => new Promise<Repl[]>((answer) => answers.push(answer));
  const observer = new QueryObserver<Repl[]>(client, { queryKey: ["repls"], queryFn });
  observer.subscribe(() => {});
  const phase = () => observer.getCurrentResult().data?.[0]?.state.phase;
  /** Until so many were asked for. */
  const asked = (times: number) => until(() => expect(answers).toHaveLength(times));
  const is = (told: string) => until(() => expect(phase()).toBe(told));
  return { client, answers, asked, is };
}

it("an answer that was on its way when an event came is not taken", async () => {
  const { client, answers, asked, is } = list();
  await asked(1);
  answers[0]?.([repl("running")]);
  await is("running");
  refetchRepls(client);
  await asked(2);
  applyState(client, "one", inPhase("failed"));
  await asked(3);
  answers[1]?.([repl("stopping")]);
  answers[2]?.([repl("failed")]);
  await is("failed");
});

it("the first answer may be as old", async () => {
  const { client, answers, asked, is } = list();
  await asked(1);
  // The stream of events begins only now.
  refetchRepls(client);
  await asked(2);
  answers[1]?.([repl("failed")]);
  answers[0]?.([repl("running")]);
  await is("failed");
  applyState(client, "one", inPhase("starting"));
  await is("starting");
  expect(answers).toHaveLength(2);
});
