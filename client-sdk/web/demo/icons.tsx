const kPaths = {
  chat: 'M4 5.5h16v11H9.5L4 20.5z',
  people:
    'M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 19.5c.6-3.4 3.2-5 6.5-5s5.9 1.6 6.5 5M16 4.9a3.5 3.5 0 0 1 0 6.2M18 14.9c1.9.7 3.1 2.2 3.5 4.6',
  activity: 'M3 12.5h4l3-8 4.5 15 3-7H21',
  copy: 'M9 9h10.5v10.5H9zM15 9V4.5H4.5V15H9',
  done: 'M5 12.5l4.5 4.5L19 7.5',
  edit: 'M5 19l.8-3.8L16 5l3 3L8.8 18.2zM14 7l3 3',
  send: 'M4 12h14M12.5 6l6 6-6 6',
} as const;

export function Icon({ name }: { name: keyof typeof kPaths }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={kPaths[name]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M7 26V15a9 9 0 0 1 18 0v11M12.5 26V15.5a3.5 3.5 0 0 1 7 0V26" />
    </svg>
  );
}
