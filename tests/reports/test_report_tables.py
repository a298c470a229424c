from kclip.reports.tables import retrieval_table


def test_retrieval_is_in_percent():
    direction = {"recall@1": 0.175, "recall@10": 0.556, "median_rank": 8.0}
    chance = {"text_to_image": {"recall@1": 0.001}, "image_to_text": {"recall@10": 0.01}}
    both = {"text_to_image": direction, "image_to_text": direction, "chance": chance}
    table = retrieval_table(both)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert rows[0] == ["", "R@1", "R@10", "median rank"]
    assert rows[2] == ["text → image", "17.5 %", "55.6 %", "8.0"]
    assert rows[4] == ["text → image, random", "0.1 %", "", ""]
    assert rows[5] == ["image → text, random", "", "1.0 %", ""]
