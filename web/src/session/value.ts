/** One observable value: the session's state is made of these, and components read them with `useValue`. */
export class Value<T> {
  private listeners = new Set<() => void>();

  constructor(private current: T) {}

  // Arrow functions: they are handed to useSyncExternalStore as they are.
  get = (): T => this.current;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  set(next: T): void {
    if (Object.is(next, this.current)) return;
    this.current = next;
    for (const listener of [...this.listeners]) listener();
  }

  update(change: (current: T) => T): void {
    this.set(change(this.current));
  }
}
