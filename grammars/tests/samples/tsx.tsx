import React, { useState } from "react";

interface ShelfProps {
  parts: { name: string; count: number }[];
  onPick?: (name: string) => void;
}

export const Shelf: React.FC<ShelfProps> = ({ parts, onPick }) => {
  const [open, setOpen] = useState<boolean>(false);
  return (
    <section className="shelf">
      <button onClick={() => setOpen(!open)}>{open ? "Close" : "Open"} it's</button>
      {open &&
        parts.map((part) => (
          <p key={part.name} onClick={() => onPick?.(part.name)}>
            {part.name} &times; {part.count}
          </p>
        ))}
    </section>
  );
};

export default function App() {
  return <Shelf parts={[{ name: "bolt", count: 1 }]} />;
}
