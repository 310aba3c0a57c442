using System.Diagnostics;
using Spectre.Console;

namespace VaccineRef.Cli;

/// <summary>How far a piece of work is.</summary>
/// <param name="Name">The piece; pieces may be under way at once.</param>
/// <param name="Detail">What is worth knowing of it now.</param>
/// <param name="Done">Steps done.</param>
/// <param name="Total">Steps in all; 0 where nobody knows.</param>
internal readonly record struct Progressed(string Name, string Detail, int Done, int Total);

/// <summary>Shows progress: bars on a terminal; in a file a line for each piece and for each tenth of it.</summary>
internal static class Display
{
    private const int BarWidth = 14;

    /// <summary>Shows what <paramref name="work"/> reports, from any thread, until it ends.</summary>
    public static void While(IAnsiConsole console, Action<Action<Progressed>> work)
    {
        if (!console.CanRedraw())
        {
            work(new Lines(console).Report);
            return;
        }

        console.Progress().AutoClear(true).Columns(
            new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = BarWidth }, new PercentageColumn(),
            new RemainingTimeColumn()).Start(context => work(new Bars(context).Report));
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
                console.WriteLine(at.Total == 0 ? at.Name : $"{Text(at)}, step {at.Done} of {at.Total}{Left(at, start)}");
            }
        }

        private static string Left(Progressed at, long start)
        {
            var elapsed = Stopwatch.GetElapsedTime(start);
            return at.Done > 1 && at.Done < at.Total ? $", {elapsed * ((double)(at.Total - at.Done) / at.Done):hh\\:mm\\:ss} left" : "";
        }
    }

    private static string Text(Progressed at) => at.Detail.Length == 0 ? at.Name : $"{at.Name}: {at.Detail}";
}
