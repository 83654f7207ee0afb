"""How the models of `models` are measured: data, plan, measure, store, analyse, report."""
