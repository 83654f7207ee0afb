from hexbench.report.markdown import escape, table_text
from hexbench.report.table import Table


def test_names_cannot_break_out_of_their_cell():
    table = Table("T", "n", ("a|b\nc", "x"), [("a|b\nc", "<img src=x>"), ("[l](u)", "`*_`")])
    lines = table_text(table).splitlines()[4:]
    assert len(lines) == 4
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines)
    assert "<img" not in escape("<img src=x>").replace("\\<", "")


def test_numbers_stay_as_they_were_written():
    assert "| 90.0 ± 1.0 |" in table_text(Table("T", "n", ("x",), [("90.0 ± 1.0",)]))


def test_columns_stand_where_the_table_says():
    lines = table_text(Table("T", "", ("a", "b"), [("x", "1"), ("long text", "22")], "rl")).splitlines()
    assert lines[0] == "## T"
    assert lines[4] == "|         x | 1   |"
