from kclip.reports.tables import retrieval_table


def test_retrieval_is_in_percent():
    direction = {"recall@1": 0.175, "recall@10": 0.556, "median_rank": 8.0}
    table = retrieval_table({"text_to_image": direction, "image_to_text": direction})
    assert table.splitlines()[0] == "|              | R@1    | R@10   | median rank |"
    assert table.splitlines()[2] == "| text → image | 17.5 % | 55.6 % | 8.0         |"
