/** The style and the script of the desk's pages. The script only adds: showing, measuring, copying, the local time. */

export const STYLE = `
:root { --back: #eef1f5; --card: #fff; --ink: #16202c; --soft: #536173; --line: #c6ced8; --accent: #1d5fd1; --on-accent: #fff;
  --claim: #fff6e0; --claim-line: #d9a521; --bad: #b3261e; --good: #18733c; --field: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0e141b; --card: #18212b; --ink: #e8edf3; --soft: #a3b0bf; --line: #3a4756; --accent: #82b1ff; --on-accent: #0b1a33;
    --claim: #2b2513; --claim-line: #c79a2b; --bad: #ff9a90; --good: #6fd897; --field: #111922; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem 1rem; background: var(--back); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { width: 100%; max-width: 34rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 2rem;
  box-shadow: 0 1rem 3rem rgb(0 0 0 / 12%); }
.brand { margin: 0 0 1.25rem; font-size: .875rem; font-weight: 600; color: var(--soft); }
.brand > span:first-child { color: var(--accent); }
.place { font-weight: 400; }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; line-height: 1.2; letter-spacing: -.01em; }
.lead { margin: 0 0 1.25rem; }
code, .value { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { font-size: .95em; font-weight: 600; overflow-wrap: anywhere; }
.claims { margin: 0 0 1.5rem; padding: .9rem 1rem; background: var(--claim); border-left: .25rem solid var(--claim-line); border-radius: .5rem; }
.claims dl { margin: 0; }
.claims dl > div { display: grid; grid-template-columns: 7rem 1fr; gap: .5rem; padding: .1rem 0; }
.claims dt { color: var(--soft); }
.claims dd { margin: 0; overflow-wrap: anywhere; font-weight: 600; }
.claims p { margin: .5rem 0 0; font-size: .875rem; color: var(--soft); }
label { display: block; margin-bottom: .35rem; font-weight: 600; }
.field { display: flex; gap: .5rem; }
input, textarea { width: 100%; min-width: 0; padding: .7rem .8rem; font: 1rem/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  color: inherit; background: var(--field); border: 1px solid var(--soft); border-radius: .5rem; }
textarea { resize: vertical; }
.masked { -webkit-text-security: disc; }
button { padding: .7rem 1.1rem; font: inherit; font-weight: 600; color: inherit; background: transparent; border: 1px solid var(--soft);
  border-radius: .5rem; cursor: pointer; }
button:hover { border-color: var(--ink); }
.primary { background: var(--accent); color: var(--on-accent); border-color: var(--accent); }
.reveal { min-width: 5rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[hidden] { display: none !important; }
.meter { display: grid; grid-template-columns: repeat(4, 1fr); gap: .3rem; margin-top: .6rem; }
.meter span { height: .35rem; border-radius: 1rem; background: var(--line); }
.meter[data-score="1"] span:nth-child(-n+1), .meter[data-score="2"] span:nth-child(-n+2) { background: var(--bad); }
.meter[data-score="3"] span:nth-child(-n+3), .meter[data-score="4"] span { background: var(--good); }
.note { margin: .4rem 0 0; font-size: .875rem; color: var(--soft); }
#strength { min-height: 1.3rem; }
details { margin-top: .9rem; }
summary { cursor: pointer; color: var(--soft); }
details[open] summary { margin-bottom: .6rem; }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.4rem 0 1rem; }
.problem { margin: 0 0 .8rem; color: var(--bad); font-weight: 600; }
.value { margin: 0; padding: 1rem; font-size: 1.1rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--field);
  border: 1px solid var(--soft); border-radius: .5rem; user-select: all; }
.sign { width: 3rem; height: 3rem; margin-bottom: 1rem; display: grid; place-items: center; border: 2px solid currentcolor; border-radius: 50%;
  font-size: 1.4rem; font-weight: 700; color: var(--soft); }
.sign.good { color: var(--good); }
.sign.bad { color: var(--bad); }
@media (max-width: 30rem) { main { padding: 1.25rem; } .claims dl > div { grid-template-columns: 1fr; gap: 0; } }
`;

export const SCRIPT = `
'use strict';
(() => {
  const one = (name) => document.querySelector('[data-' + name + ']');
  const expiry = one('expiry');
  if (expiry) expiry.textContent = new Date(expiry.dateTime).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const copy = one('copy');
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener('click', async () => {
      const told = one('copied');
      try {
        await navigator.clipboard.writeText(one('value').textContent);
        told.textContent = 'Copied. Programs that keep a history of copies will keep it too.';
      } catch { told.textContent = 'Copying is not allowed here: select the text.'; }
    });
  }
  if (!one('entry')) return;
  const [input, lines, reveal, meter, told] = [document.getElementById('secret'), one('lines'), one('reveal'), one('meter'), one('strength')];
  reveal.hidden = false;
  reveal.addEventListener('click', () => {
    const shown = input.type === 'password';
    input.type = shown ? 'text' : 'password';
    lines.classList.toggle('masked', !shown);
    reveal.textContent = shown ? 'Hide' : 'Show';
    reveal.setAttribute('aria-pressed', String(shown));
  });
  const words = ['very weak', 'weak', 'fair', 'good', 'strong'];
  let timer = 0, busy = false, again = false;
  const measure = async () => {
    if (busy) { again = true; return; }
    const text = input.value;
    if (text === '') { meter.hidden = true; told.textContent = ''; return; }
    busy = true;
    try {
      const answer = await fetch(location.pathname + '/strength', { method: 'POST', body: text.slice(0, 256) });
      if (answer.ok && input.value !== '') {
        const { score, warning } = await answer.json();
        meter.hidden = false;
        meter.dataset.score = String(Math.max(1, score));
        told.textContent = 'As a password: ' + words[score] + '.' + (warning ? ' ' + warning : '');
      }
    } catch { /* The meter is a help, not a gate. */ } finally { busy = false; }
    if (again) { again = false; measure(); }
  };
  input.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(measure, 200); });
})();
`;
