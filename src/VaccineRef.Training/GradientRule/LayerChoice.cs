using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>Chooses some of the layers by their scores.</summary>
public static class LayerChoice
{
    /// <summary>
    /// Draws layers without replacement, each time with probabilities in proportion to the scores of those that are
    /// left: the distribution of numpy's random.choice(replace=False, p). Where all that is left scores 0, each is as
    /// likely.
    /// </summary>
    /// <param name="scores">The score of each layer, not negative.</param>
    /// <param name="count">How many are drawn.</param>
    /// <param name="random">The random numbers.</param>
    /// <returns>The layers, ascending.</returns>
    /// <exception cref="InputException">There are not so many layers.</exception>
    public static int[] Sample(IReadOnlyList<double> scores, int count, RandomStream random)
    {
        Require(count, scores.Count);
        var left = Enumerable.Range(0, scores.Count).ToList();
        int[] drawn = new int[count];
        for (int i = 0; i < count; i++)
        {
            drawn[i] = Draw(scores, left, random, i);
            left.Remove(drawn[i]);
        }

        Array.Sort(drawn);
        return drawn;
    }

    /// <summary>The layers with the highest scores, ascending; of equals the lower one.</summary>
    /// <exception cref="InputException">There are not so many layers.</exception>
    public static int[] Top(IReadOnlyList<double> scores, int count)
    {
        Require(count, scores.Count);
        return [.. Enumerable.Range(0, scores.Count).OrderByDescending(layer => scores[layer]).Take(count).Order()];
    }

    private static int Draw(IReadOnlyList<double> scores, List<int> left, RandomStream random, int draw)
    {
        int[] scoring = [.. left.Where(layer => scores[layer] > 0)];
        if (scoring.Length == 0)
            return left[random.Below(left.Count, draw)];
        double at = random.Uniform(draw) * scoring.Sum(layer => scores[layer]);
        foreach (int layer in scoring)
        {
            at -= scores[layer];
            if (at < 0)
                return layer;
        }

        return scoring[^1];                 // rounding
    }

    private static void Require(int count, int layers)
    {
        if (count < 1 || count > layers)
            throw new InputException(
                "the model has not so many layers to choose", "rule.layers", $"{count}", $"1 to {layers}");
    }
}

/// <summary>Holds the trainable parameters of the layers that were not chosen.</summary>
internal sealed class LayerFreeze<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // from so many layers on, the release of T-Vaccine also keeps the activations of the layer below each chosen one
    private const int ManyLayers = 26;

    private readonly List<(Parameter<T> Parameter, int Layer, bool OfAttention)> _parameters = [];
    private IReadOnlyList<Parameter<T>>? _of;
    private bool _allInLayers;

    /// <summary>Holds every parameter of a layer that was not chosen. What belongs to no layer is trained.</summary>
    public void HoldOthers(TrainState<T> state, IReadOnlyCollection<int> chosen) =>
        Hold(state, each => !chosen.Contains(each.Layer));

    /// <summary>
    /// What the release of T-Vaccine leaves without a gradient: the attention of the layers that were not chosen, and,
    /// where nothing outside of the layers is trained, everything below the first layer whose activations are kept.
    /// </summary>
    public void HoldAsReleased(TrainState<T> state, IReadOnlyList<int> chosen, int layers)
    {
        int first = chosen[0] - (layers > ManyLayers ? 1 : 0);
        Hold(state, each => (each.OfAttention && !chosen.Contains(each.Layer)) || (_allInLayers && each.Layer < first));
    }

    private void Hold(TrainState<T> state, Func<(Parameter<T> Parameter, int Layer, bool OfAttention), bool> held)
    {
        if (!ReferenceEquals(_of, state.Trainable))
            Read(state.Trainable);
        int count = 0;
        foreach (var each in _parameters)
            if (held(each))
            {
                state.Hold(each.Parameter);
                count++;
            }

        if (count == state.Trainable.Count)
            throw new InputException(
                "nothing is trainable in the chosen layers", "rule.layers", "parameters of other layers alone",
                "an adapter in every layer, or more chosen layers");
    }

    private void Read(IReadOnlyList<Parameter<T>> parameters)
    {
        _of = parameters;
        _parameters.Clear();
        foreach (var parameter in parameters)
            if (BlockNumber.Of(parameter.Name) is { } layer)
                _parameters.Add((parameter, layer, BlockNumber.IsAttention(parameter.Name)));
        _allInLayers = _parameters.Count == parameters.Count;
    }
}

/// <summary>
/// Tells the first micro-batch of a step that a rule sees from the others, for which its choice stays.
/// </summary>
internal sealed class OncePerStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private TrainState<T>? _state;
    private int _step;

    /// <summary>Whether the rule has not been asked in this step yet.</summary>
    public bool IsNew(TrainState<T> state)
    {
        bool isNew = !ReferenceEquals(_state, state) || _step != state.Step;
        (_state, _step) = (state, state.Step);
        return isNew;
    }
}
