"""The course's architectural ideas as pure arithmetic.

Each function returns a frozen worked result that carries its formula with the numbers put in. Input
that makes no sense raises a SettingError whose sentence says what to choose instead.
"""
