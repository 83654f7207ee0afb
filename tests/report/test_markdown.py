from bench.analyse.tables import Table
from bench.report.markdown import escape, table_text


def test_names_cannot_break_out_of_their_cell():
    table = Table("T", "n", ("model", "x"), [("a|b\nc", "<img src=x>"), ("[l](u)", "`*_`")])
    lines = table_text(table).splitlines()[4:]
    assert len(lines) == 4
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines)
    assert "<img" not in escape("<img src=x>").replace("\\<", "")


def test_numbers_stay_as_they_were_written():
    assert "| 90.0 ± 1.0 |" in table_text(Table("T", "n", ("x",), [("90.0 ± 1.0",)]))
