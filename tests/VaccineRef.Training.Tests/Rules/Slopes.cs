using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>Finite differences of a loss along directions of the trainable parameters, against a gradient.</summary>
public static class Slopes
{
    /// <summary>Requires that the gradient, over the parameters that are not held, is the slope of the loss.</summary>
    /// <param name="run">The model, whose weights are moved and put back.</param>
    /// <param name="gradient">The gradient.</param>
    /// <param name="loss">The loss at the weights that the model has.</param>
    /// <param name="size">The size of what cancels in the loss, where it is a difference.</param>
    public static void Require(TinyRun<double> run, double[] gradient, Func<double> loss, double size = 1)
    {
        double[] weights = run.Weights, free = [.. run.Model.Trainable.SelectMany(
            parameter => Enumerable.Repeat(run.State.IsHeld(parameter) ? 0.0 : 1, (int)parameter.Shape.Count))];
        double At(double[] direction, double distance)
        {
            run.Weights = Numbers.Mix(1, weights, distance, direction);
            return loss();
        }

        for (int trial = 0; trial < 2; trial++)
        {
            // The gradient itself once, so that the slope is not small by chance.
            var random = run.Tiny.Random.At("slopes");
            double[] direction = trial == 0 ? gradient : [.. free.Select((one, i) => one * random.Normal(i))];
            direction = [.. direction.Select(value => value / Math.Max(direction.Norm(), 1e-12))];
            double slope = Numbers.Slope(distance => At(direction, distance));
            Assert.Equal(gradient.Dot(direction), slope, Numbers.SlopeTolerance * (size + gradient.Norm()));
        }

        run.Weights = weights;
    }
}
