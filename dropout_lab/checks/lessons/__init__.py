"""The exercises, one file for each lesson; a file is loaded when one of its exercises is used."""

LETTERS = {
    "00": "ab",
    "01": "abc",
    "02": "abc",
    "03": "abc",
    "04": "abc",
    "05": "abc",
    "06": "abc",
    "07": "abcd",
    "08": "abcdef",
    "09": "abc",
    "10": "abcd",
    "11": "abcd",
    "12": "abcd",
    "13": "abcd",
    "14": "abc",
    "15": "abcde",
    "16": "abc",
    "17": "abc",
    "18": "abcd",
    "19": "abc",
}
