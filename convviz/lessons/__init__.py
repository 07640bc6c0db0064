"""The course's architectural ideas as pure arithmetic.

Each function returns a frozen worked result that has its formula with the numbers put in. Invalid
input raises a SettingError whose sentence says what to choose instead.
"""
