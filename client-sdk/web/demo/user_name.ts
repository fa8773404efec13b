const kKey = 'atrium.name';
export const NAME_LENGTH = 30;

/** The name to start with: of the URL (`?name=ana`), of the last visit, or a new guest's. */
export function initialName(): string {
  const given = clean(new URLSearchParams(location.search).get('name') ?? '');
  return given || clean(read()) || remember(`guest-${Math.floor(1000 + Math.random() * 9000)}`);
}

export function remember(name: string): string {
  try {
    localStorage.setItem(kKey, name);
  } catch {
    // Storage is turned off: the name lasts as long as the page.
  }
  return name;
}

export function clean(name: string): string {
  return name.trim().replace(/\s+/g, ' ').slice(0, NAME_LENGTH);
}

function read(): string {
  try {
    return localStorage.getItem(kKey) ?? '';
  } catch {
    return '';
  }
}
