"""What the stages share: an opened artifacts folder, teachers, chains, search."""
