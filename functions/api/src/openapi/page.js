// Shows the operations whose words hold what is typed.
document.getElementById('filter').addEventListener('input', (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const group of document.querySelectorAll('nav details')) {
    let found = 0;
    for (const entry of group.querySelectorAll('li')) {
      const words = (entry.textContent + ' ' + (entry.firstElementChild.title || '')).toLowerCase();
      entry.hidden = !words.includes(wanted);
      found += entry.hidden ? 0 : 1;
    }
    group.hidden = found === 0;
  }
});
