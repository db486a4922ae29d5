// Cards of a list moved by their grips, with a mouse, a pen or a finger. (Keys are the list's own affair.)

/** `moved(name, to)` is told where a card was put down. */
export function draggable(list, moved) {
  list.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest(".grip");
    if (!grip || event.button !== 0) return;
    begin(list, grip, event, moved);
  });
}

function begin(list, grip, event, moved) {
  const card = grip.closest("li");
  let startY = event.clientY;
  let dragged = false;
  const move = (now) => {
    if (!dragged && Math.abs(now.clientY - startY) < 4) return;
    dragged = true;
    card.classList.add("dragged");
    startY = swapped(list, card, now.clientY, startY);
    card.style.setProperty("transform", `translateY(${now.clientY - startY}px)`);
  };
  const end = (now) => {
    grip.removeEventListener("pointermove", move);
    grip.removeEventListener("pointerup", end);
    grip.removeEventListener("pointercancel", end);
    card.classList.remove("dragged");
    card.style.removeProperty("transform");
    if (dragged && now.type === "pointerup") moved(card.dataset.name, [...list.children].indexOf(card));
  };
  grip.setPointerCapture(event.pointerId);
  grip.addEventListener("pointermove", move);
  grip.addEventListener("pointerup", end);
  grip.addEventListener("pointercancel", end);
}

/**
 * Change places with every neighbour whose middle was passed; where the drag counts from after that. It is the
 * neighbours that are moved: a card that left the document for a moment would lose the pointer.
 */
function swapped(list, card, y, startY) {
  const before = card.offsetTop;
  while (card.previousElementSibling && y < middle(card.previousElementSibling)) {
    list.insertBefore(card.previousElementSibling, card.nextElementSibling);
  }
  while (card.nextElementSibling && y > middle(card.nextElementSibling)) {
    list.insertBefore(card.nextElementSibling, card);
  }
  return startY + (card.offsetTop - before);
}

function middle(node) {
  const { top, height } = node.getBoundingClientRect();
  return top + height / 2;
}
