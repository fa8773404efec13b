const kHues = 8;

/** The first letters of a name, in a colour that is always the same for it. */
export function Avatar({ name }: { name: string }) {
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 9973, 7) % kHues;
  const [first, second] = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters = ([...(first ?? '?')][0] ?? '') + ([...(second ?? '')][0] ?? '');
  return (
    <span className={`avatar hue-${hue}`} aria-hidden="true">
      {letters}
    </span>
  );
}
