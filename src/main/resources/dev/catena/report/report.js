'use strict';
// Reads the page's data, fills in tables, draws charts. Every chart is made by a function of its width and colours, so
// that the same one serves a wide screen, a narrow one, the dark and the printed page.

const data = JSON.parse(document.getElementById('data').textContent);
const variants = data.schedules;
const MIB = 1 << 20;

// Colours that the colour-blind can tell apart (Okabe and Ito). Owners and operations keep theirs in every report.
const OWNERS = {
  parameters: '#7f7f7f', optimizer: '#b8b8b8', parameter_gradients: '#6f4fa3', input: '#0072b2', features: '#009e73', gradients: '#56b4e9',
  activation: '#e69f00', workspace: '#d55e00', output: '#cc79a7', unused: '#d8cfa8',
};
const OWNER_NAMES = { parameter_gradients: 'gradients of parameters', gradients: 'gradients of features',
  activation: 'bottlenecks, other activations', unused: 'unused between buffers' };
const PALETTE = ['#0072b2', '#e69f00', '#009e73', '#d55e00', '#56b4e9', '#cc79a7', '#7f7f7f', '#b39b00', '#6f4fa3', '#4d4d4d'];

// ---- small things ---------------------------------------------------------------------------------------------

const sum = (list) => list.reduce((a, b) => a + b, 0);
const unique = (list) => [...new Set(list)];
const ownerName = (owner) => OWNER_NAMES[owner] ?? owner;
const mib = (bytes) => bytes / MIB;
const bytesText = (bytes) => `${mib(bytes).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })} MiB`;
const millisText = (ms) => ms < 1 ? `${(1000 * ms).toFixed(1)} µs` : `${ms.toFixed(2)} ms`;
const words = (key) => key.replace(/_(bytes|ms)$/, '').replaceAll('_', ' ');

function text(key, value) {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'object') {
    const entries = Object.entries(value);
    return entries.length ? entries.map(([name, what]) => `${words(name)}: ${text(name, what)}`).join(', ') : 'none';
  }
  if (typeof value !== 'number') return String(value);
  if (key.endsWith('_bytes')) return bytesText(value);
  if (key.endsWith('_ms')) return millisText(value);
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return Math.abs(value) < 1e-3 ? value.toExponential(1) : value.toPrecision(4);
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A table; what a column holds in its first row decides how it is aligned. */
function table(headings, rows, footer) {
  const numeric = headings.map((_, i) => rows.length > 0 && typeof rows[0][i] === 'object');
  const cell = (tag, content, i) => {
    const made = element(tag, numeric[i] ? { class: 'number' } : {});
    made.append(typeof content === 'object' ? content.text : content);
    if (content.bytes !== undefined) made.dataset.bytes = content.bytes;
    return made;
  };
  const row = (tag, contents) => element('tr', {}, ...contents.map((c, i) => cell(tag, c, i)));
  const body = element('tbody', {}, ...rows.map((r) => row('td', r)));
  const made = element('table', {}, element('thead', {}, row('th', headings)), body);
  if (footer) made.append(element('tfoot', {}, row('td', footer)));
  return element('div', { class: 'scroll' }, made);
}

const bytesCell = (bytes) => ({ text: bytesText(bytes), bytes });
const numberCell = (value) => ({ text: value });

// ---- charts ---------------------------------------------------------------------------------------------------

function colors() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { ink: of('--ink'), dim: of('--dim'), rule: of('--rule'), paper: of('--paper'), mark: of('--mark') };
}

const PRINT = { ink: '#000', dim: '#444', rule: '#ddd', paper: '#fff', mark: '#b00020' };

/** What all charts share: a title, a legend that wraps, two axes with their names. */
function frame(title, x, y, series, width, c) {
  const legend = unique(series.map((s) => s.name));
  const inLine = Math.max(1, width - 8);
  let rows = 1;
  let used = 0;
  for (const name of legend) {
    const wide = 38 + 6.6 * name.length;
    if (used > 0 && used + wide > inLine) { rows++; used = 0; }
    used += wide;
  }
  const titleRows = Math.ceil((8.2 * title.length) / inLine);
  const name = { nameLocation: 'middle', nameTextStyle: { color: c.dim, fontSize: 12 } };
  const axis = { axisLine: { lineStyle: { color: c.dim } }, axisLabel: { color: c.dim, hideOverlap: true } };
  return {
    animation: false,
    aria: { enabled: true, label: { description: title } },
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    title: { text: title, left: 0, top: 0, textStyle: { color: c.ink, fontSize: 15, width: inLine, overflow: 'break' } },
    legend: { left: 0, top: 4 + 20 * titleRows, itemWidth: 14, itemHeight: 10, itemGap: 10, data: legend,
      textStyle: { color: c.ink, fontSize: 12 } },
    grid: { left: 68, right: 14, top: 26 + 20 * titleRows + 22 * rows, bottom: 56 },
    tooltip: { trigger: 'axis', confine: true, axisPointer: { type: 'shadow' }, backgroundColor: c.paper,
      borderColor: c.rule, textStyle: { color: c.ink, fontSize: 12 } },
    xAxis: { type: 'category', ...name, ...axis, nameGap: 30, axisTick: { show: false }, ...x },
    yAxis: { type: 'value', min: 0, ...name, ...axis, nameGap: 52, splitLine: { lineStyle: { color: c.rule } }, ...y },
    series,
  };
}

function tooltip(rows, total) {
  const lines = rows.filter((r) => r.value).map((r) => `${r.marker ?? ''}${echarts.format.encodeHTML(r.seriesName)}: ${r.text}`);
  return [...lines.reverse(), ...(total ? [`<b>${total}</b>`] : [])].join('<br>');
}

/** Stacked bars, one for each variant. */
function bars(title, unit, format, names, value, color) {
  return (width, c) => {
    const total = (v) => sum(names.map((n) => value(v, n)));
    const series = names.map((n, i) => ({
      name: ownerName(n), type: 'bar', stack: 'all', barMaxWidth: 90, itemStyle: { color: color(n, i) },
      data: variants.map((v) => value(v, n)),
      label: i < names.length - 1 ? {} : { show: true, position: 'top', color: c.ink,
        formatter: (p) => format(total(variants[p.dataIndex])) },
    }));
    const option = frame(title, { data: variants.map((v) => v.name), name: 'variant', axisLabel: { color: c.dim, interval: 0 } }, { name: unit }, series, width, c);
    option.tooltip.formatter = (rows) => `${rows[0].axisValue}<br>` + tooltip(
      rows.map((r) => ({ ...r, text: format(r.value) })), `in all ${format(total(variants[rows[0].dataIndex]))}`);
    return option;
  };
}

const whole = (v) => sum(Object.values(v.resident_bytes)) + v.planned_bytes;
const unusedAtPeak = (v) => v.planned_bytes - v.lower_bound_bytes;
const atPeak = (v, owner) => owner === 'unused' ? unusedAtPeak(v) : v.resident_bytes[owner] ?? v.live_bytes[owner]?.[v.peak_step] ?? 0;

function ownersOf(list) {
  const known = unique(list.flatMap((v) => [...Object.keys(v.resident_bytes), ...Object.keys(v.live_bytes)]));
  return Object.keys(OWNERS).filter((o) => known.includes(o));
}

/** 1, 2 or 5 times a power of ten, at or above a fifth of the largest. */
function niceTop(most) {
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const tick = [1, 2, 5, 10].map((m) => m * power).find((t) => t >= rough);
  return Math.ceil((1.02 * most) / tick) * tick;
}

/** Memory over the steps, stacked by owner; every variant on one scale. */
function schedule(v) {
  const top = niceTop(Math.max(...variants.map((o) => mib(whole(o)))));
  return (width, c) => {
    const resident = (o) => v.steps.map(() => v.resident_bytes[o]);
    const series = ownersOf([v]).map((o) => ({
      name: ownerName(o), type: 'line', stack: 'all', step: 'middle', symbol: 'none', lineStyle: { width: 0 },
      itemStyle: { color: OWNERS[o] }, areaStyle: { color: OWNERS[o], opacity: 0.9 },
      data: (v.live_bytes[o] ?? resident(o)).map(mib),
    }));
    const line = { color: c.mark, type: 'dashed', width: 1 };
    series[0].markLine = { symbol: 'none', silent: true, lineStyle: line, label: { color: c.mark }, data: [
      { yAxis: mib(whole(v)), label: { position: 'insideEndTop', formatter: `${bytesText(whole(v))} taken` } },
      { xAxis: v.peak_step, label: { formatter: `peak at step ${v.peak_step}`, position: 'end', rotate: 0, distance: -34,
        align: v.peak_step < v.steps.length / 2 ? 'left' : 'right', padding: [0, 6] } }] };
    const steps = { data: v.steps.map((_, i) => i), name: 'step', axisLabel: { color: c.dim, hideOverlap: true } };
    const option = frame(`Memory over the schedule: ${v.name}`, steps, { name: 'memory, MiB', max: top }, series, width, c);
    option.tooltip.axisPointer.type = 'line';
    option.tooltip.formatter = (rows) => {
      const live = sum(rows.map((r) => r.value));
      return `step ${rows[0].axisValue}: ${echarts.format.encodeHTML(v.steps[rows[0].dataIndex])}<br>`
        + tooltip(rows.map((r) => ({ ...r, text: bytesText(r.value * MIB) })), `live ${bytesText(live * MIB)}`);
    };
    return option;
  };
}

// Operations by the time that they take; where there are more than colours, the cheapest are drawn as one.
const spent = (operation) => sum(variants.flatMap((v) => v.layers.filter((l) => l.operation === operation).map((l) => l.ms)));
const ranked = unique(variants.flatMap((v) => v.layers.map((l) => l.operation))).sort((a, b) => spent(b) - spent(a));
const apart = ranked.length > PALETTE.length ? ranked.slice(0, PALETTE.length - 1) : ranked;
const kind = (layer) => apart.includes(layer.operation) ? layer.operation : 'others';
const operations = apart.length < ranked.length ? [...apart, 'others'] : apart;
const operationColor = (o) => PALETTE[operations.indexOf(o)];

/** Time of each step, coloured by its operation; every variant on one scale. */
function layers(v) {
  const most = Math.max(...variants.flatMap((o) => o.layers.map((l) => l.ms)));
  return (width, c) => {
    const series = operations.filter((o) => v.layers.some((l) => kind(l) === o)).map((o) => ({
      name: o, type: 'bar', stack: 'all', barCategoryGap: '5%', itemStyle: { color: operationColor(o) },
      data: v.layers.map((l) => kind(l) === o ? l.ms : null),
    }));
    const x = { data: v.layers.map((_, i) => i), name: 'layer, in order' };
    const option = frame(`Time per layer: ${v.name}`, x, { name: 'device time, ms', max: niceTop(most) }, series, width, c);
    option.tooltip.formatter = (rows) => {
      const layer = v.layers[rows[0].dataIndex];
      return `${echarts.format.encodeHTML(layer.step)}<br>${layer.operation} by ${layer.engine}<br><b>${millisText(layer.ms)}</b>`;
    };
    return option;
  };
}

// ---- the page -------------------------------------------------------------------------------------------------

const page = document.getElementById('report');
const figures = [];

function figure(file, make, caption) {
  const box = element('div', { class: 'chart', role: 'img' });
  const save = element('button', { type: 'button' }, 'SVG');
  save.addEventListener('click', () => download(`${file}.svg`, svg(make)));
  const made = element('figure', {}, box, element('figcaption', {}, caption, ' ', save));
  figures.push({ file, make, box });
  return made;
}

/** A chart as a file for papers: black on white, 840 by 420. */
function svg(make) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 840, height: 420 });
  chart.setOption({ ...make(840, PRINT), backgroundColor: '#fff', aria: { enabled: false } }); // there is no element for it
  const drawn = chart.renderToSVGString();
  chart.dispose();
  return drawn;
}

function download(file, content) {
  const link = element('a', { href: URL.createObjectURL(new Blob([content], { type: 'image/svg+xml' })), download: file });
  link.click();
  URL.revokeObjectURL(link.href);
}

function draw() {
  const c = colors();
  for (const f of figures) {
    const width = f.box.clientWidth;
    f.chart ??= echarts.init(f.box, null, { renderer: 'svg' });
    f.chart.resize();
    f.chart.setOption(f.make(width, c), true);
  }
}

function peak(v) {
  const rows = v.peak.map((b) => [b.name, ownerName(b.owner), bytesCell(b.bytes), numberCell(`${b.first_step} to ${b.last_step}`)]);
  if (unusedAtPeak(v) > 0) rows.push(['between buffers', ownerName('unused'), bytesCell(unusedAtPeak(v)), numberCell('')]);
  const made = element('details', { 'data-peak': v.name },
    element('summary', {}, `${v.name}: ${v.peak.length} buffers make the peak, at step ${v.peak_step}, ${v.steps[v.peak_step]}`),
    table(['buffer', 'owner', 'bytes', 'lives, steps'], rows, ['planned', '', bytesCell(v.planned_bytes), numberCell('')]));
  made.open = v === variants.at(-1);
  return made;
}

function slowest(v) {
  const all = sum(v.layers.map((l) => l.ms));
  const rows = [...v.layers].sort((a, b) => b.ms - a.ms).slice(0, 10).map((l) => [l.step, l.operation, l.engine,
    numberCell(l.launches.toString()), numberCell(millisText(l.ms)), numberCell(`${(100 * l.ms / all).toFixed(1)} %`)]);
  return element('details', {}, element('summary', {}, `${v.name}: the ten layers that take longest`),
    table(['layer', 'operation', 'engine', 'launches', 'time', 'share'], rows));
}

function compose() {
  const result = data.result;
  page.append(element('h1', {}, data.title), ...data.summary.map((line) => element('p', {}, line)));
  page.append(figure('memory-peak', bars('Memory at the peak', 'memory, MiB', (m) => bytesText(m * MIB),
    [...ownersOf(variants), ...(variants.some(unusedAtPeak) ? ['unused'] : [])], (v, o) => mib(atPeak(v, o)), (o) => OWNERS[o]),
  'What each variant takes from the device: the arena at the step with the most live bytes, and what stays there between runs.'));

  page.append(element('h2', {}, 'Memory over the schedule'));
  for (const v of variants) {
    page.append(figure(`memory-${v.name}`, schedule(v),
      'Live bytes at each step, by what owns them. The arena is as high as its fullest step, and what lies unused between buffers.'));
  }
  page.append(...variants.map(peak));

  if (operations.length > 0) {
    page.append(element('h2', {}, 'Time'));
    page.append(element('p', { class: 'dim' }, 'Device time by events between the launches, which a replay does not have: '
      + 'the sum is more than a run takes. The table below has the time of whole runs.'));
    const of = (v, o, what) => sum(v.layers.filter((l) => kind(l) === o).map(what));
    page.append(
      figure('time', bars('Time by operation', 'device time, ms', millisText, operations, (v, o) => of(v, o, (l) => l.ms), operationColor),
        'Which operations the time goes to.'),
      figure('launches', bars('Launches by operation', 'launches', String, operations, (v, o) => of(v, o, (l) => l.launches), operationColor),
        'Kernels, library calls and copies of one run.'),
      ...variants.map((v) => figure(`layers-${v.name}`, layers(v), 'One bar a layer, in the order of the run.')),
      ...variants.map(slowest));
  }

  page.append(element('h2', {}, 'All figures'));
  const keys = unique(result.variants.flatMap((v) => Object.keys(v))).filter((k) => k !== 'name');
  page.append(table(['', ...result.variants.map((v) => v.name)],
    keys.map((k) => [words(k), ...result.variants.map((v) => numberCell(text(k, v[k])))])));

  page.append(element('h2', {}, 'Made by'), element('p', {}, element('code', { id: 'command' }, data.command)));
  const environment = table(['', ''], Object.entries(data.environment));
  environment.querySelectorAll('td:last-child').forEach((td) => td.classList.add('wrap'));
  page.append(environment);
}

compose();
draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
new ResizeObserver(draw).observe(page);

// For bench/figures.sh: the charts as files, in the page.
if (location.search === '?figures') {
  for (const f of figures) {
    const drawn = element('script', { type: 'image/svg+xml', 'data-file': `${f.file}.svg` });
    drawn.textContent = svg(f.make);
    document.body.append(drawn);
  }
}
