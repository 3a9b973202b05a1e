from storage.tokens import Tokens, split


def test_tokens_of_a_process_agree_and_of_two_do_not():
    one, other = Tokens(), Tokens()
    assert one.token(b"term") == one.token(b"term") != one.token(b"other")
    assert len(one.token(b"term")) == 16
    assert one.token(b"term") != other.token(b"term")


def test_equal_sets_pack_equally():
    tokens = Tokens()
    terms = [b"%d" % n for n in range(20)]
    packed = tokens.pack(terms)
    assert packed == tokens.pack(reversed(terms))
    assert set(split(packed)) == {tokens.token(term) for term in terms}
    assert split(b"") == []
