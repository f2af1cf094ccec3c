/** The page in the preview, as far as it told of itself, and what it can be told. */
import { Value } from "../../session/value";
import { load, store } from "../../ui/storage";
import { AppConsole, MOST_A_SECOND, Rate } from "./appConsole";
import { type Choice, readChoice } from "./device";
import { arrived, type Journey, START } from "./journey";
import { isMove, type Message } from "./messages";

export type Way = "back" | "forward" | "reload";

/** What a page says within this time is shown at once. */
const TOGETHER_MS = 80;
/** A page that was told to reload tells within this time that it is there again: some are compiled first. */
const RELOADED_MS = 20_000;

export class PreviewPage {
  readonly console = new AppConsole(
    () => performance.now(),
    (show) => void setTimeout(show, TOGETHER_MS),
  );
  readonly journey = new Value<Journey>(START);
  readonly consoleOpen = new Value(false);
  readonly device: Value<Choice>;
  /** Set by the frame while it is there. */
  tell: ((to: Way) => void) | null = null;
  private heard = 0;
  private readonly moves = new Rate(() => performance.now());

  constructor(private readonly key: string) {
    this.device = new Value(readChoice(load(key)));
    this.device.subscribe(() => {
      const { device, turned } = this.device.get();
      store(this.key, { device: device.id, turned });
    });
  }

  /** A frame begins from scratch. */
  begin(): void {
    this.journey.set(START);
    this.console.clear();
    this.heard = 0;
  }

  /** Whether one more message may be looked at now. What a page writes takes nothing from where it says it is. */
  admit(data: unknown): boolean {
    return isMove(data) ? this.moves.count() <= MOST_A_SECOND : this.console.admit();
  }

  take(message: Message): void {
    if (message.kind === "console") this.console.add(message.said);
    else {
      this.heard++;
      this.journey.update((way) => arrived(way, message.path));
    }
  }

  go(to: "back" | "forward"): void {
    this.tell?.(to);
  }

  /** Reloads as the browser does where the page listens to us, or else by `anew`. */
  reload(anew: () => void): void {
    const { heard } = this;
    if (heard === 0 || !this.tell) {
      anew();
      return;
    }
    this.console.clear();
    this.tell("reload");
    setTimeout(() => {
      if (this.heard === heard) anew();
    }, RELOADED_MS);
  }
}
