// Shows the figures beside the pointer. Without it the page says the same, in its tables.
(() => {
  const plots = [...document.querySelectorAll('.plot')].map((plot) => {
    const area = plot.querySelector('.area');
    const hair = document.createElement('i');
    hair.className = 'hair';
    hair.hidden = true;
    hair.append(document.createElement('span'));
    area.append(hair);
    const values = [...plot.closest('figure').querySelectorAll('.legend b')];
    return { area, hair, values, over: plot.dataset.over, read: JSON.parse(plot.dataset.read) };
  });
  const show = (one, n) => {
    const { at, names, words } = one.read;
    one.hair.hidden = n === null;
    one.values.forEach((value, k) => { value.textContent = n === null ? '' : words[k][n]; });
    if (n === null) return;
    one.hair.style.left = at[n] * 100 + '%';
    one.hair.firstChild.textContent = names[n];
  };
  for (const one of plots) {
    const { at } = one.read;
    if (!at.length) continue;
    const others = plots.filter((other) => other.over === one.over);
    const move = (event) => {
      const box = one.area.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      let n = 0;
      at.forEach((place, k) => { if (Math.abs(place - share) < Math.abs(at[n] - share)) n = k; });
      others.forEach((other) => show(other, n));
    };
    one.area.addEventListener('pointermove', move);
    one.area.addEventListener('pointerdown', move);
    one.area.addEventListener('pointerleave', () => others.forEach((other) => show(other, null)));
  }
})();
