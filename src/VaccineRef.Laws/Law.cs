using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Laws;

/// <summary>
/// A statement about a subject that must hold in every case that can be drawn. FsCheck draws the cases and looks for
/// the smallest one that breaks the law; no test runner is needed.
/// </summary>
/// <typeparam name="TSubject">What the law is about, such as an op on a device.</typeparam>
/// <typeparam name="TCase">What is drawn, such as the extents and the seed of a trial.</typeparam>
/// <param name="name">The name, by which results and the command line call it.</param>
/// <param name="says">The law in one sentence.</param>
/// <param name="maxTest">How many cases are drawn unless somebody says otherwise.</param>
/// <param name="cases">How cases are drawn and shrunk.</param>
/// <param name="check">
/// Checks one case: throws whatever says best what is wrong, or <see cref="NotOfferedException"/>.
/// </param>
public sealed class Law<TSubject, TCase>(
    string name, string says, int maxTest, Arbitrary<TCase> cases, Action<TSubject, TCase> check)
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;

    /// <summary>The law in one sentence.</summary>
    public string Says { get; } = says;

    /// <summary>How many cases are drawn unless somebody says otherwise.</summary>
    public int MaxTest { get; } = maxTest;

    /// <summary>Checks one case that somebody chose.</summary>
    /// <exception cref="Exception">The law does not hold in it.</exception>
    public void CheckCase(TSubject subject, TCase chosen) => check(subject, chosen);

    /// <summary>Draws cases until one breaks the law.</summary>
    /// <param name="subject">What is checked.</param>
    /// <param name="subjectName">How the result calls it.</param>
    /// <param name="options">The seed, and the number of cases.</param>
    public LawResult Run(TSubject subject, string subjectName, LawOptions? options = null)
    {
        ulong seed = options?.Seed ?? (ulong)RandomNumberGenerator.GetInt32(int.MaxValue);
        int most = options?.MaxTest ?? MaxTest;
        var trials = new Trials(this, subject);
        var replay = new Replay(new Rnd(seed), FSharpOption<int>.None);
        FsCheck.Check.One(
            Config.Quick.WithMaxTest(most).WithReplay(FSharpOption<Replay>.Some(replay)).WithRunner(new SilentRunner()),
            Prop.ForAll(cases, trials.Try));
        return trials.Result(subjectName, seed, most);
    }

    /// <summary>
    /// Counts the cases, and remembers the last one that broke the law: FsCheck goes on to smaller ones only.
    /// </summary>
    private sealed class Trials(Law<TSubject, TCase> law, TSubject subject)
    {
        private int _checked;
        private (TCase Case, string Message)? _smallest;
        private string? _notOffered;
        private bool _over;

        public void Try(TCase drawn)
        {
            if (_over)
                return;
            bool first = _smallest is null;
            try
            {
                law.CheckCase(subject, drawn);
                _checked += first ? 1 : 0;
            }
            catch (Exception error) when (error is NotOfferedException or KernelMissingException)
            {
                _notOffered = error.Message;
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                _checked += first ? 1 : 0;
                _smallest = (drawn, error.Message);
                _over = error is SubjectFailedException or DeviceLostException;
                throw;
            }
        }

        public LawResult Result(string name, ulong seed, int most)
        {
            var outcome = _smallest is not null ? LawOutcome.Broken
                : _checked > 0 ? LawOutcome.Holds
                : LawOutcome.NotChecked;
            return new(name, law.Name, outcome, _checked, seed, most)
            {
                Message = _smallest?.Message ?? (_checked > 0 ? null : _notOffered ?? "no case was drawn"),
                SmallestCase = _smallest is { } smallest ? $"{smallest.Case}" : null,
            };
        }
    }
}

/// <summary>FsCheck reports to a runner; here the result is an object, and nobody prints.</summary>
internal sealed class SilentRunner : IRunner
{
    /// <inheritdoc/>
    public void OnStartFixture(Type t)
    {
        // there are no fixtures
    }

    /// <inheritdoc/>
    public void OnArguments(
        int ntest, FSharpList<object> args, FSharpFunc<int, FSharpFunc<FSharpList<object>, string>> every)
    {
        // cases are counted elsewhere
    }

    /// <inheritdoc/>
    public void OnShrink(FSharpList<object> args, FSharpFunc<FSharpList<object>, string> everyShrink)
    {
        // the smallest case is kept elsewhere
    }

    /// <inheritdoc/>
    public void OnFinished(string name, TestResult testResult)
    {
        // the result is made elsewhere
    }
}
