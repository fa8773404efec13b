const kFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const kExact = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

/** A time of day; to the second where `exact`. */
export function Time({ at, exact = false }: { at: Date; exact?: boolean }) {
  return (
    <time dateTime={at.toISOString()} title={at.toLocaleString()}>
      {(exact ? kExact : kFormat).format(at)}
    </time>
  );
}
