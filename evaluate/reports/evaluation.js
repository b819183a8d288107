// The heat map and the samples of evaluation.html, drawn from the data in the page. Plain text only: nothing is set as HTML.
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const PAGE = 100;
  const find = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const more = (id, shown, all, show) => {
    const button = find(id);
    button.hidden = shown >= all;
    button.textContent = `Show ${Math.min(all - shown, PAGE * 5)} more of ${all - shown}`;
    button.onclick = show;
  };

  // Per seed and runtime: how many of its texts were right (for a phrase never trained: at least close).
  const seeds = new Map();
  data.texts.forEach(([text, emoji, seed, group], i) => {
    if (group === data.everyday) return;
    const never = group === data.never;
    if (!seeds.has(seed)) seeds.set(seed, { seed, text, emoji, trained: !never, texts: 0, right: data.names.map(() => 0) });
    const row = seeds.get(seed);
    row.texts += 1;
    data.answers.forEach((answers, k) => { row.right[k] += answers[i][1] === 0 || (never && answers[i][1] === 1); });
  });
  const share = (row) => row.right.slice(0, data.runtimes).reduce((sum, n) => sum + n, 0) / row.texts;
  const ordered = [...seeds.values()].sort((a, b) => share(a) - share(b) || a.seed - b.seed);
  let seedsShown = 0;
  const showSeeds = (count) => {
    const body = find('heat');
    for (const row of ordered.slice(seedsShown, seedsShown + count)) {
      const cells = row.right.map((right, k) => {
        const level = right === row.texts ? 4 : Math.min(3, Math.floor((4 * right) / row.texts));
        const label = `${data.names[k]}: ${right} of ${row.texts} texts of “${row.text}”. Show them`;
        const button = make('button', { type: 'button', 'aria-label': label, title: label }, `${right}/${row.texts}`);
        button.onclick = () => filterSeed(row);
        return make('td', { class: `cell h${level}` }, button);
      });
      const name = make('th', {}, row.text, ' ', row.emoji);
      if (!row.trained) name.append(make('span', { class: 'sub' }, 'never trained: close counts'));
      body.append(make('tr', {}, name, ...cells));
    }
    seedsShown = Math.min(seedsShown + count, ordered.length);
    more('more-seeds', seedsShown, ordered.length, () => showSeeds(PAGE * 5));
  };

  let onlySeed = null;
  let matching = [];
  let shown = 0;
  const fold = (text) => text.normalize('NFKD').toLowerCase();
  const haystack = data.texts.map(([text, emoji], i) => fold([text, emoji, ...data.answers.map((a) => a[i][0])].join('\n')));
  const differs = (i) => data.answers.slice(0, data.runtimes).some((answers) => answers[i][0] !== data.answers[0][i][0]);
  const matches = (i) => {
    const words = fold(find('search').value).split(/\s+/);
    const [group, runtime, verdict] = ['group', 'runtime', 'verdict'].map((id) => find(id).value);
    if (onlySeed !== null && data.texts[i][2] !== onlySeed) return false;
    if (group !== '' && data.texts[i][3] !== Number(group)) return false;
    if (verdict === 'differs' && !differs(i)) return false;
    if (verdict !== '' && verdict !== 'differs') {
      const looked = runtime === '' ? data.answers.slice(0, data.runtimes) : [data.answers[Number(runtime)]];
      if (!looked.some((answers) => answers[i][1] === Number(verdict))) return false;
    }
    return words.every((word) => haystack[i].includes(word));
  };
  const showSamples = (count) => {
    const body = find('samples');
    const only = find('runtime').value;
    for (const i of matching.slice(shown, shown + count)) {
      const [text, emoji, , group] = data.texts[i];
      const cells = data.names.map((name, k) => {
        const [raw, verdict, stopped, meaning] = data.answers[k][i];
        const kind = ['right', 'close', 'wrong', 'not'][verdict];
        const said = make('span', { class: `raw answer-${kind}` }, raw || '(empty)');
        const cell = make('td', { 'data-label': name }, make('span', {}, said));
        if (verdict === 1 || verdict === 2) cell.lastChild.append(make('span', { class: 'sub' }, `meaning ${meaning.toFixed(2)}`));
        if (!stopped) cell.lastChild.append(make('span', { class: 'sub' }, 'cut off'));
        cell.hidden = only !== '' && k !== Number(only);
        return cell;
      });
      const asked = make('th', { class: 'text' }, text, make('span', { class: 'sub' }, data.groups[group]));
      body.append(make('tr', {}, asked, make('td', { class: 'emoji', 'data-label': 'wanted' }, make('span', {}, emoji)), ...cells));
    }
    shown = Math.min(shown + count, matching.length);
    more('more-samples', shown, matching.length, () => showSamples(PAGE * 5));
  };
  const update = () => {
    matching = data.texts.map((_, i) => i).filter(matches);
    shown = 0;
    find('samples').replaceChildren();
    document.querySelectorAll('#samples-head [data-k]').forEach((cell) => {
      cell.hidden = find('runtime').value !== '' && cell.dataset.k !== find('runtime').value;
    });
    find('count').textContent = `${matching.length} of ${data.texts.length} texts`;
    find('only-seed').hidden = onlySeed === null;
    showSamples(PAGE);
  };
  const filterSeed = (row) => {
    onlySeed = row.seed;
    find('only-seed').textContent = `Only the seed “${row.text}” ✕`;
    update();
    find('h-samples').scrollIntoView();
    find('only-seed').focus();
  };
  find('only-seed').onclick = () => { onlySeed = null; update(); find('search').focus(); };
  let wait;
  find('search').oninput = () => { clearTimeout(wait); wait = setTimeout(update, 120); };
  for (const id of ['group', 'runtime', 'verdict']) find(id).onchange = update;
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      find('search').focus();
    }
  });
  showSeeds(PAGE);
  update();
})();
