/**
 * Whose this browser is: the person who is signed in, as all its pages know it. What one page finds out, it
 * tells the others. Free of the database, which comes when it is needed.
 */

const KEY = "alcove.user";
const CHANNEL = "alcove.signed-out";

/** A page without a channel or a store goes on alone. */
let pages: BroadcastChannel | null = null;
const channel = () => {
  pages ??= new BroadcastChannel(CHANNEL);
  return pages;
};

/** The id of the person who was seen last; null when they signed out. */
export function newestUser(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function setUser(user: string | null): void {
  try {
    if (user === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, user);
  } catch {
    // Then no page knows it.
  }
  try {
    channel().postMessage(user);
  } catch {
    // Then the others find out by themselves.
  }
}

/** The server has said who is signed in: of anybody else nothing is kept any more. */
export async function noteUser(user: string): Promise<void> {
  const before = newestUser();
  if (before === user) return;
  setUser(user);
  if (before === null) return;
  const { forgetAll } = await import("./database");
  await forgetAll();
}

/** The person signed out: nothing is kept any more, by any page. */
export async function noteSignOut(): Promise<void> {
  setUser(null);
  const { forgetAll } = await import("./database");
  await forgetAll();
}

/** Called with what another page has found out; null: the person signed out there. */
export function onOtherUser(told: (user: string | null) => void): void {
  try {
    channel().onmessage = ({ data }) => told(typeof data === "string" ? data : null);
  } catch {
    // As above.
  }
}

/** For the keepers, which hear it of their own page too; until `ended`. */
export function whenNot(user: string, ended: Promise<void>, told: () => void): void {
  try {
    const own = new BroadcastChannel(CHANNEL);
    own.onmessage = ({ data }) => data !== user && told();
    void ended.then(() => own.close());
  } catch {
    // As above.
  }
}
