/** Comma-separated values as a table. */
import { useMemo } from "react";
import type { Replica } from "../../session/replica";
import { count } from "../words";
import { readTable, separatorOf } from "./table";
import { useText } from "./useText";

const MOST_ROWS = 2_000;
const MOST_COLUMNS = 200;

export function TableView({ replica, name }: { replica: Replica; name: string }) {
  const text = useText(replica);
  const { rows, more } = useMemo(() => readTable(text, separatorOf(text), MOST_ROWS + 1), [text]);
  const [head, ...body] = rows.map((row, place) => ({ place, cells: row.slice(0, MOST_COLUMNS) }));
  return (
    <section className="viewer-body" aria-label={`Table of ${name}`}>
      {more && <p className="muted viewer-note">The first {count(MOST_ROWS, "row")} are shown.</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
      <table className="csv" tabIndex={0}>
        <thead>
          <tr>
            <th scope="col" aria-label="Line" />
            {head?.cells.map((cell, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns have no other name.
              <th key={at} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.map(({ place, cells }) => (
            <tr key={place}>
              <th scope="row">{place}</th>
              {cells.map((cell, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns have no other name.
                <td key={at}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
