using System.Diagnostics;
using Spectre.Console;

namespace VaccineRef.Cli;

/// <summary>The progress of a piece of work.</summary>
/// <param name="Name">The name of the piece. Several pieces may be in progress at the same time.</param>
/// <param name="Detail">What else a user may want to know at this moment.</param>
/// <param name="Done">The number of steps that are done.</param>
/// <param name="Total">The total number of steps, or 0 if it is not known.</param>
internal readonly record struct Progressed(string Name, string Detail, int Done, int Total);

/// <summary>
/// Shows progress. On a terminal every piece has a bar. In a file there is a line for the beginning of every piece and
/// for every tenth of it.
/// </summary>
internal static class Display
{
    private const int BarWidth = 14;

    /// <summary>
    /// Runs <paramref name="work"/>, and shows what it reports until it ends. It may report from any thread.
    /// </summary>
    public static void While(IAnsiConsole console, Action<Action<Progressed>> work)
    {
        if (!console.CanRedraw())
        {
            work(new Lines(console).Report);
            return;
        }

        console.Progress().AutoClear(true).Columns(
            new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = BarWidth },
            new PercentageColumn(),
            new RemainingTimeColumn()).Start(context => work(new Bars(context).Report));
    }

    /// <summary>
    /// Lets a model answer, and counts its answers on a terminal. In a file there is nothing but the result.
    /// </summary>
    /// <param name="console">Where to.</param>
    /// <param name="work">The work, which tells how many answers are complete, of how many.</param>
    public static TResult Answers<TResult>(IAnsiConsole console, Func<Action<int, int>?, TResult> work)
        where TResult : class
    {
        if (!console.CanRedraw())
            return work(null);
        TResult? result = null;
        While(
            console,
            show => result = work((answered, of) => show(new("answers", $"{answered} of {of}", answered, of))));
        return result!;
    }

    private sealed class Bars(ProgressContext context)
    {
        private readonly Dictionary<string, ProgressTask> _bars = [];

        public void Report(Progressed at)
        {
            lock (_bars)
            {
                if (!_bars.TryGetValue(at.Name, out var bar))
                {
                    foreach (var other in _bars.Values.Where(other => other.IsIndeterminate))
                        (other.IsIndeterminate, other.Value) = (false, other.MaxValue);
                    _bars.Add(at.Name, bar = context.AddTask(Markup.Escape(at.Name), maxValue: Math.Max(1, at.Total)));
                    bar.IsIndeterminate = at.Total == 0;
                }

                bar.Value = at.Done;
                bar.Description = Markup.Escape(Text(at));
            }
        }
    }

    private sealed class Lines(IAnsiConsole console)
    {
        private const int Parts = 10;
        private readonly Dictionary<string, (long Start, int Part)> _shown = [];

        public void Report(Progressed at)
        {
            lock (_shown)
            {
                bool known = _shown.TryGetValue(at.Name, out var shown);
                int part = at.Total == 0 ? 0 : (int)((long)Parts * at.Done / at.Total);
                if (known && part == shown.Part)
                    return;
                long start = known ? shown.Start : Stopwatch.GetTimestamp();
                _shown[at.Name] = (start, part);
                console.WriteLine(
                    at.Total == 0 ? at.Name : $"{Text(at)}, step {at.Done} of {at.Total}{Left(at, start)}");
            }
        }

        private static string Left(Progressed at, long start)
        {
            var elapsed = Stopwatch.GetElapsedTime(start);
            return at.Done > 1 && at.Done < at.Total
                ? $", {elapsed * ((double)(at.Total - at.Done) / at.Done):hh\\:mm\\:ss} left"
                : "";
        }
    }

    private static string Text(Progressed at) => at.Detail.Length == 0 ? at.Name : $"{at.Name}: {at.Detail}";
}
