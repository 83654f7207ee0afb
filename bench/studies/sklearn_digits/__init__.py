"""scikit-learn's example "Recognizing hand-written digits"."""
