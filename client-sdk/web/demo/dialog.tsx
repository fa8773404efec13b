import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';

interface DialogProps {
  title: string;
  /** What the button says that does it. */
  action: string;
  enabled: boolean;
  /** What went wrong, or nothing: then the dialog closes. */
  onSubmit: () => Promise<string>;
  onClose: () => void;
  children: ReactNode;
}

/** Asks for something. Its first field has the focus; Escape and a click beside it give up. */
export function Dialog({ title, action, enabled, onSubmit, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    dialog.current!.showModal();
  }, []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!enabled || busy) {
      return;
    }
    setBusy(true);
    const problem = await onSubmit();
    setBusy(false);
    setError(problem);
    if (problem) {
      dialog.current?.querySelector<HTMLInputElement>('input[type=password], input')?.select();
    } else {
      onClose();
    }
  };
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onClose={onClose}
      onMouseDown={(event) => event.target === dialog.current && onClose()}
    >
      <form onSubmit={submit}>
        <h2>{title}</h2>
        {children}
        <p className="error" role="alert">
          {error}
        </p>
        <div className="actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={!enabled || busy}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
