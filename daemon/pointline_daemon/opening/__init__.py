"""How a lake is opened: who may, what is mended first, and which adapters are used."""
