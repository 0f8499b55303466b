/** How the view looks: in the colours of its host where it gives them, else in our own, light and dark. */

export const STYLE = `
:root { color-scheme: light dark;
  --ink: var(--color-text-primary, light-dark(#16202c, #e8edf3));
  --soft: var(--color-text-secondary, light-dark(#536173, #a3b0bf));
  --back: var(--color-background-secondary, light-dark(#eef1f5, #0e141b));
  --card: var(--color-background-primary, light-dark(#fff, #18212b));
  --line: var(--color-border-primary, light-dark(#d5dbe3, #334050));
  --accent: var(--color-ring-primary, light-dark(#1d5fd1, #82b1ff));
  --good: var(--color-text-success, light-dark(#18733c, #6fd897));
  --good-back: var(--color-background-success, light-dark(#e3f4e9, #14301f));
  --bad: var(--color-text-danger, light-dark(#b3261e, #ff9a90));
  --bad-back: var(--color-background-danger, light-dark(#fdebe9, #3a1a18));
  --warn: var(--color-text-warning, light-dark(#875a00, #efc465));
  --warn-back: var(--color-background-warning, light-dark(#fff4d9, #33280f));
  --mono: var(--font-mono, ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace); }
[data-theme="light"] { color-scheme: light; }
[data-theme="dark"] { color-scheme: dark; }
*, ::before, ::after { box-sizing: border-box; }
html { background: var(--back); color: var(--ink); }
[data-kind="app"] { background: transparent; }
body { margin: 0; overflow-wrap: anywhere; padding: 1.5rem 1rem 2rem; font: 1rem/1.5 var(--font-sans, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif); }
[data-kind="app"] body { padding: var(--inset-top, 0) var(--inset-right, 0) var(--inset-bottom, 0) var(--inset-left, 0); font-size: .9375rem; }
main, .brand, noscript { display: block; max-width: 60rem; margin: 0 auto; }
h1, h2, h3, p, ul, ol, dl, dd { margin: 0; padding: 0; }
ul, ol { list-style: none; }
code, .subject, .pairs dd, .more dd { font-family: var(--mono); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[hidden] { display: none !important; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.brand { margin-bottom: 1rem; font-size: .875rem; font-weight: 600; color: var(--soft); }
.brand > span { color: var(--accent); }

[data-verdict="trusted"], [data-status="pass"] { --tone: var(--good); --tone-back: var(--good-back); }
[data-verdict="untrusted"], [data-status="fail"] { --tone: var(--bad); --tone-back: var(--bad-back); }
[data-verdict="undetermined"], [data-status="warn"], [data-status="unknown"] { --tone: var(--warn); --tone-back: var(--warn-back); }
[data-status="skipped"] { --tone: var(--soft); --tone-back: transparent; }
.sign { flex: none; width: 1.4em; height: 1.4em; padding: .1em; border-radius: 50%; fill: none; stroke: currentcolor; stroke-width: 2.4;
  stroke-linecap: round; stroke-linejoin: round; }
.sign.open { padding: 0; color: var(--soft); transition: rotate .15s; }
details[open] > summary > .sign.open { rotate: 90deg; }

header { margin-bottom: 1rem; padding: 1.25rem 1.4rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; }
h1 { font-size: 1.45rem; line-height: 1.25; letter-spacing: -.01em; }
.counts { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; margin: .7rem 0 .8rem; }
.counts li { display: flex; align-items: center; gap: .45rem; color: var(--tone); }
.counts .sign { background: var(--tone-back); }
.share { display: flex; gap: 3px; height: .5rem; border-radius: 1rem; overflow: hidden; }
.share span { flex: 1 1 0; background: var(--tone); }
.next { margin-top: .8rem; color: var(--soft); }
.next strong { color: var(--ink); font-weight: 600; }
.tools { display: flex; justify-content: space-between; margin-bottom: .8rem; }
.filter { display: flex; gap: .25rem; margin: 0; padding: .25rem; min-width: 0; border: 1px solid var(--line); border-radius: .7rem; background: var(--card); }
.filter label { position: relative; cursor: pointer; }
.filter input { position: absolute; inset: 0; opacity: 0; cursor: pointer; margin: 0; }
.filter label > span { display: block; padding: .25rem .8rem; border-radius: .5rem; font-size: .9rem; color: var(--soft); }
.filter b { font-weight: 600; }
.filter input:checked + span { background: var(--ink); color: var(--card); }
.filter input:focus-visible + span { outline: 3px solid var(--accent); outline-offset: 2px; }

.cards { display: grid; grid-template-columns: minmax(0, 1fr); gap: .7rem; }
.card { background: var(--card); border: 1px solid var(--line); border-left: .3rem solid var(--tone); border-radius: .8rem; }
.head { display: flex; align-items: flex-start; gap: .8rem; padding: .9rem 1.1rem; border-radius: .7rem; list-style: none; }
.head::-webkit-details-marker { display: none; }
summary { cursor: pointer; }
.head > .sign:first-child { margin-top: .1rem; font-size: 1.25rem; color: var(--tone); background: var(--tone-back); }
.head > .sign.open { margin-top: .3rem; font-size: .95rem; }
.title { flex: 1; min-width: 0; }
h2, article h1 { font-size: 1.1rem; line-height: 1.4; letter-spacing: 0; }
article h1 { font-size: 1.3rem; }
.summary { color: var(--soft); font-size: .925em; }
.side { display: flex; flex-direction: column; align-items: flex-end; gap: .15rem; text-align: right; white-space: nowrap; }
.verdict { padding: .1rem .65rem; border-radius: 1rem; font-size: .8125rem; font-weight: 600; color: var(--tone); background: var(--tone-back); }
.notes { color: var(--warn); font-weight: 600; }
.days, .notes { font-size: .8125rem; }
.days { color: var(--soft); }

.body { padding: .1rem 1.3rem 1.2rem; border-top: 1px solid var(--line); }
h3 { margin: 1rem 0 .4rem; font-size: .8125rem; font-weight: 600; color: var(--soft); }
.checks { columns: 16rem 3; column-gap: 2rem; }
.checks section { padding-top: 1rem; break-inside: avoid; }
.checks h3 { margin-top: 0; }
.check { display: flex; gap: .6rem; padding: .2rem 0; font-size: .9em; break-inside: avoid; }
.check > div { min-width: 0; }
.check > .sign { color: var(--tone); background: var(--tone-back); }
.check code { margin-left: .5rem; font-size: .85em; color: var(--tone); }
:is([data-status="pass"], [data-status="skipped"]) :is(.name, .explanation) { display: inline; }
:is([data-status="pass"], [data-status="skipped"]) .explanation { color: var(--soft); margin-left: .35rem; }
strong, .label { font-weight: 600; }
[data-status="skipped"] .label { color: var(--soft); }
:is([data-status="fail"], [data-status="warn"], [data-status="unknown"]).check { margin: .3rem -.6rem; padding: .55rem .6rem; border-radius: .6rem; background: var(--tone-back); }
:is([data-status="fail"], [data-status="warn"], [data-status="unknown"]) > .sign { background: var(--tone); color: var(--card); }
.remedy { margin-top: .3rem; }

.chain { --dot: .85rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: 1.2rem 0; padding-top: .2rem; }
.link { position: relative; max-width: 24rem; padding: 1.3rem 1.6rem 0 0; }
.link::before { content: ""; position: absolute; z-index: 1; left: 0; top: 0; width: var(--dot); height: var(--dot); border: 2px solid var(--soft); border-radius: 50%; background: var(--card); }
.link:first-child::before { background: var(--tone); border-color: var(--tone); }
.link:not(:last-child) { max-width: none; }
.link:not(:last-child)::after { content: ""; position: absolute; top: calc(var(--dot) / 2 - 1px); left: calc(var(--dot) + .3rem); right: .3rem; height: 2px; background: var(--line); }
.link.missing::before { border-style: dashed; border-color: var(--tone); }
.missing .subject { color: var(--soft); }
.role { font-size: .8125rem; color: var(--soft); }
.subject { font-size: .925em; font-weight: 600; }
.facts { display: flex; flex-wrap: wrap; gap: 0 .8rem; font-size: .8125rem; color: var(--soft); }
.lifetime { --fill: var(--good); margin-top: .4rem; }
.lifetime.near { --fill: var(--warn); }
.lifetime.over { --fill: var(--bad); }
.bar { height: .4rem; border-radius: 1rem; background: var(--line); overflow: hidden; }
.bar span { display: block; width: var(--used); height: 100%; background: var(--fill); border-radius: inherit; }
.span { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 .8rem; margin-top: .2rem; font-size: .8125rem; font-variant-numeric: tabular-nums; }
.left { color: var(--soft); }
.over .left { color: var(--bad); font-weight: 600; }
.near .left { color: var(--warn); }
.more { margin-top: .3rem; font-size: .8125rem; }
.more summary { display: inline-flex; margin-left: -.3rem; align-items: center; gap: .2rem; color: var(--soft); border-radius: .3rem; list-style: none; }
.more summary::-webkit-details-marker { display: none; }
.more dl { display: grid; gap: .35rem; margin-top: .3rem; padding: .7rem .8rem; border: 1px solid var(--line); border-radius: .5rem; }
dt { color: var(--soft); }
.more dd, .pairs dd { font-size: .8125rem; }
.pairs { display: grid; gap: .15rem; padding: .2rem 0 .2rem 1.9rem; font-size: .8125rem; }
.pairs :is(dt, dd) { display: inline; }
.pairs dt { margin-right: .5rem; }

.notice { padding: 1.4rem; background: var(--card); border: 1px solid var(--line); border-radius: .8rem; }
.notice h1 { font-size: 1.15rem; }
.notice p { color: var(--soft); }
.wait { float: right; width: 1.4rem; height: 1.4rem; border: 3px solid var(--line); border-top-color: var(--accent); border-radius: 50%; animation: turn 1s linear infinite; }
@keyframes turn { to { rotate: 1turn; } }
footer { margin-top: .9rem; font-size: .8125rem; color: var(--soft); }
@media (prefers-reduced-motion: reduce) { .wait { animation: none; } .sign.open { transition: none; } }
@media (max-width: 40rem) {
  .chain { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .link { max-width: none; padding: 0 0 1.2rem 1.6rem; }
  .link:last-child { padding-bottom: 0; }
  .link::before { top: .25rem; }
  .link:not(:last-child)::after { left: calc(var(--dot) / 2 - 1px); right: auto; top: calc(var(--dot) + .5rem); bottom: .05rem; width: 2px; height: auto; }
}
@media (max-width: 32rem) {
  body { padding: 1rem .6rem; }
  header { padding: 1rem; }
  h2 { font-size: 1rem; }
  .head { flex-wrap: wrap; padding: .8rem; gap: .4rem .6rem; }
  .title { flex-basis: 60%; }
  .side { order: 1; flex: 1 0 100%; flex-flow: row wrap; align-items: center; gap: .2rem .6rem; padding-left: 2.3rem; }
  .body { padding: .1rem .9rem 1rem; }
}
@media print {
  :root { color-scheme: light; }
  html { background: none; }
  body { padding: 0; font-size: 10pt; }
  .tools, .sign.open, .more { display: none; }
  .card, header { box-shadow: none; }
  .head, .check, .link { break-inside: avoid; }
  * { print-color-adjust: exact; }
}
`;
