from storage.tokens import Tokens, split


def test_tokens_of_a_key_agree_and_of_two_do_not():
    one, other = Tokens(), Tokens()
    assert one.token(b"term") == one.token(b"term") != one.token(b"other")
    assert one.token(b"term") == one.hash(b"term") == Tokens(one.key).token(b"term")
    assert 0 <= one.token(b"term") < 1 << 64
    assert one.token(b"term") != other.token(b"term")


def test_a_representation_does_not_show_the_key():
    tokens = Tokens(b"k" * 32)
    assert "k" * 8 not in repr(tokens)


def test_equal_sets_pack_equally():
    tokens = Tokens()
    terms = [b"%d" % n for n in range(20)]
    packed = tokens.pack(terms)
    assert packed == tokens.pack(reversed(terms))
    assert list(split(packed)) == sorted(map(tokens.token, terms))
    assert list(split(b"")) == []
