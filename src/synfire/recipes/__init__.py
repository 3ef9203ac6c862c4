"""Recipes that ship with the package: YAML files of constructor calls, a folder per published system."""
