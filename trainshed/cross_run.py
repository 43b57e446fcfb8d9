"""A cross run: the code of one run on the data of another, which parts what each of them did."""

from dataclasses import dataclass

from trainshed.training import Outcome, Trainings


@dataclass(frozen=True, kw_only=True)
class CrossRuns:
    trainings: Trainings

    def train(self, before: Outcome, after: Outcome) -> Outcome:
        """Train or find what code, command, variables, lock and seed of one make of other data.

        It is a run as any other, with an id of its own: its commit is that of the code, its dataset
        the other one. Where the rest of both is equal, it is the later run itself.

        Args:
            before: whose code it is; this clone has its commit.
            after: whose data it is.

        Raises:
            RunIsNotTrained: it would have to be trained, and that is not done here.
        """
        return self.trainings.train_or_find(
            before.commit,
            before.run.model,
            seed=int(before.run.ingredients.params["seed"]),
            data_of=after.commit,
        )
