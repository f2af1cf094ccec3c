/** Who may use this server: the operator lets people in, gives them roles, and sends them away. */
import { MoreHorizontal } from "lucide-react";
import { type FormEvent, useCallback, useState } from "react";
import { words } from "../../api/client";
import type { KnownPerson, NewKey, PersonRole } from "../../api/protocol.gen";
import { Button, IconButton } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { Menu, type Point } from "../../ui/Menu";
import { complain } from "../../ui/toasts";
import { binaryBytes, count } from "../words";
import { KeyDialog } from "./KeyDialog";
import { useLetIn, usePeople, useRenewKey, useSendAway, useSetRole } from "./queries";
import { roleWords } from "./words";

export function PeopleList({ self }: { self: string }) {
  const people = usePeople();
  const [key, setKey] = useState<NewKey | null>(null);
  return (
    <section aria-labelledby="people">
      <h2 id="people">People</h2>
      {people.isError && (
        <p role="alert" className="bad-text">
          They can’t be shown. {words(people.error)}
        </p>
      )}
      {people.data && (
        <>
          <LetIn roles={people.data.roles} onKey={setKey} />
          <ul className="list" aria-labelledby="people">
            {people.data.people.map((person) => (
              <PersonRow
                key={person.id}
                person={person}
                roles={people.data.roles}
                isSelf={person.id === self}
                onKey={setKey}
              />
            ))}
          </ul>
          <details>
            <summary>What each role may</summary>
            <dl className="roles">
              {people.data.roles.map((role) => (
                <div key={role.name}>
                  <dt>{role.name}</dt>
                  <dd className="muted">{roleWords(role)}</dd>
                </div>
              ))}
            </dl>
          </details>
        </>
      )}
      {key && <KeyDialog made={key} onClose={() => setKey(null)} />}
    </section>
  );
}

interface RolesProps {
  roles: PersonRole[];
  onKey: (key: NewKey) => void;
}

function LetIn({ roles, onKey }: RolesProps) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("member");
  const letIn = useLetIn();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (letIn.isPending) return;
    letIn.mutate(
      { name, role },
      {
        onSuccess: (key) => {
          setName("");
          onKey(key);
        },
      },
    );
  };
  return (
    <form className="let-in" aria-label="Let somebody in" onSubmit={submit}>
      <input
        className="field"
        aria-label="Name of somebody new"
        placeholder="Name of somebody new"
        maxLength={60}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <RoleSelect label="Role of somebody new" roles={roles} value={role} onChange={setRole} />
      <Button type="submit" look="primary" disabled={letIn.isPending || name.trim() === ""}>
        Let in
      </Button>
      {letIn.isError && (
        <p role="alert" className="bad-text">
          {words(letIn.error)}
        </p>
      )}
    </form>
  );
}

interface RoleSelectProps {
  label: string;
  roles: PersonRole[];
  value: string;
  disabled?: boolean;
  onChange: (role: string) => void;
}

function RoleSelect({ label, roles, value, disabled = false, onChange }: RoleSelectProps) {
  const isKnown = roles.some(({ name }) => name === value);
  return (
    <select
      className="field"
      aria-label={label}
      value={value}
      disabled={disabled}
      onChange={(event) => onChange(event.target.value)}
    >
      {!isKnown && <option value={value}>{value} (as member)</option>}
      {roles.map(({ name }) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

interface PersonProps extends RolesProps {
  person: KnownPerson;
  isSelf: boolean;
}

function PersonRow({ person, roles, isSelf, onKey }: PersonProps) {
  const [menu, setMenu] = useState<Point | null>(null);
  const [asked, setAsked] = useState<"key" | "away" | null>(null);
  const setRole = useSetRole();
  const closeMenu = useCallback(() => setMenu(null), []);
  const { id, name, role, repls, running, usage, is_local } = person;
  const fixed = is_local || isSelf;
  return (
    <li className="it person" aria-label={name}>
      <div>
        <span className="title">{name}</span>
        {isSelf && <span className="badge">you</span>}
        <div className="muted small">since {new Date(person.since).toLocaleDateString()}</div>
      </div>
      <span className="state">
        {count(repls, "repl")}, {running} running · {binaryBytes(usage.bytes)} of{" "}
        {binaryBytes(usage.max_bytes)}
      </span>
      <RoleSelect
        label={`Role of ${name}`}
        roles={roles}
        value={setRole.isPending ? setRole.variables.role : role}
        disabled={fixed || setRole.isPending}
        onChange={(next) =>
          setRole.mutate({ id, role: next }, { onError: (error) => complain(words(error)) })
        }
      />
      <IconButton
        label={`More for ${name}`}
        aria-haspopup="menu"
        disabled={fixed}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setMenu({ x: box.left, y: box.bottom });
        }}
      >
        <MoreHorizontal size={16} aria-hidden />
      </IconButton>
      {menu && (
        <Menu
          label={`More for ${name}`}
          at={menu}
          onClose={closeMenu}
          items={[
            { label: "New sign-in address…", run: () => setAsked("key") },
            ...(isSelf
              ? []
              : [{ label: "Send away…", danger: true, divided: true, run: () => setAsked("away") }]),
          ]}
        />
      )}
      {asked === "key" && <AskKey person={person} onKey={onKey} onDone={() => setAsked(null)} />}
      {asked === "away" && <AskAway person={person} onDone={() => setAsked(null)} />}
    </li>
  );
}

interface AskProps {
  person: KnownPerson;
  onDone: () => void;
}

function AskKey({ person: { id, name }, onKey, onDone }: AskProps & Pick<RolesProps, "onKey">) {
  const renew = useRenewKey();
  return (
    <ConfirmDialog
      title={`A new sign-in address for ${name}?`}
      action="Make it"
      busy={renew.isPending}
      error={renew.isError ? words(renew.error) : null}
      onConfirm={() =>
        renew.mutate(id, {
          onSuccess: (key) => {
            onDone();
            onKey(key);
          },
        })
      }
      onCancel={onDone}
    >
      The one before is void then, and every browser that is signed in as {name} is signed out. What runs goes
      on.
    </ConfirmDialog>
  );
}

function AskAway({ person: { id, name }, onDone }: AskProps) {
  const sendAway = useSendAway();
  return (
    <ConfirmDialog
      title={`Send ${name} away?`}
      action="Send away"
      busy={sendAway.isPending}
      error={sendAway.isError ? words(sendAway.error) : null}
      onConfirm={() => sendAway.mutate(id, { onSuccess: onDone })}
      onCancel={onDone}
    >
      Nobody can sign in as {name} any more, and what they have running is saved and stopped. Their repls are
      kept: let in somebody of that name, and they are theirs again.
    </ConfirmDialog>
  );
}
